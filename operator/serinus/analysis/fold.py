"""Taking in a window: cut the blocks that are complete, and weigh them in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from math import floor

from . import blocks
from .blocks import COARSE
from .evalue import Block
from .increments import Grid, Increment, Track
from .judgement import KEPT_ROUNDS, Judgement, Stream, counted, weigh
from .reader import Reader, drained, read_window, recent
from .samples import Arm, Window


def fold(judgement: Judgement, window: Window) -> Judgement:
    """The judgement after a window.

    It depends on what the windows hold, not on how they are cut: overlapping, repeated or one big
    window give the same evidence at the same sample, as long as a target's samples come within an
    interval after those of the others. Windows should reach back to `judgement.reader.since`; what
    lies in a gap is lost, and judging goes on after it.

    Raises:
        ValueError: the window's interval is not above 0.
    """
    reader = read_window(judgement.reader, window)
    if reader is judgement.reader:
        return judgement._replace(trail=()) if judgement.trail else judgement
    return _fold_rounds(judgement, reader) if reader.separate else _fold_scrapes(judgement, reader)


def _fold_scrapes(judgement: Judgement, reader: Reader) -> Judgement:
    """Arms together: every scrape of every target is a block."""
    reader, increments = drained(reader)
    judgement, trail = judgement._replace(reader=reader, trail=()), []
    for _, increment in increments:
        judgement = _judge_scrape(judgement, increment)
        if increment.end > reader.anchor:
            trail.append((increment.end, judgement.log_evidence))
    return judgement._replace(trail=tuple(trail)) if trail else judgement


def _judge_scrape(judgement: Judgement, increment: Increment) -> Judgement:
    shape = judgement.policy.shape
    canary, stable = increment.canary @ shape, increment.stable @ shape
    grid, stream, waiting = judgement.reader.grid, judgement.streams[0], []
    for end, counts in judgement.waiting:
        if end <= increment.start:
            number = floor((end - grid.anchor) / grid.interval)
            stream = stream._replace(past=stream.past.scraped(end, counts, number))
        else:
            waiting.append((end, counts))
    if stable[0] > 0.0:
        waiting.append((increment.end, stable))
    if increment.end <= judgement.reader.anchor:
        return judgement._replace(waiting=tuple(waiting), streams=(stream, *judgement.streams[1:]))
    block = Block(increment.start, increment.end, float(canary[0]), canary[1:], float(stable[0]), stable[1:])
    stream = weigh(judgement, stream, block, block)
    streams = (stream, *judgement.streams[1:])
    return counted(judgement, increment.start, canary, stable, waiting=tuple(waiting), streams=streams)


def _fold_rounds(judgement: Judgement, reader: Reader) -> Judgement:
    """Arms apart: a block is one round, and again `COARSE` rounds."""
    judgement = judgement._replace(reader=reader, trail=())
    grid, tracks = reader.grid, reader.tracks
    number = judgement.round
    if number is None:
        rounds = [i.round for t in tracks.values() for i in t.increments]
        if not rounds:
            return judgement
        number = min(rounds)
    elif not blocks.complete(tracks, grid, number):
        return judgement
    view, trail = _around(tracks, grid, number), []
    while blocks.complete(view, grid, number):
        judgement, time = _judge_round(judgement, view, grid, number)
        trail.append((time, judgement.log_evidence))
        number += 1
        if number % COARSE == 0:
            number = _after_gap(tracks, grid, number)
            view = _around(tracks, grid, number)
    oldest = grid.begins(number // COARSE * COARSE - KEPT_ROUNDS)
    kept = {
        name: track._replace(increments=tuple(i for i in track.increments if i.end > oldest))
        for name, track in tracks.items()
    }
    reader = judgement.reader._replace(tracks=recent(kept))
    return judgement._replace(reader=reader, round=number, trail=tuple(trail))


def _after_gap(tracks: Mapping[str, Track], grid: Grid, number: int) -> int:
    """The round to go on with: rounds in which nobody was scraped, be it for years, say nothing."""
    rounds = [i.round for t in tracks.values() for i in t.increments if i.round >= number - KEPT_ROUNDS]
    times = [track.last for track in tracks.values() if track.last is not None]
    upcoming = min(rounds) if rounds else floor((max(times) - grid.anchor) / grid.interval)
    return max(number, (upcoming - KEPT_ROUNDS) // COARSE * COARSE)


def _around(tracks: Mapping[str, Track], grid: Grid, number: int) -> dict[str, Track]:
    """The tracks with only the increments that the coarse block of a round, and waiting for it, can need."""
    first = number // COARSE * COARSE
    oldest, newest = grid.begins(first - KEPT_ROUNDS), grid.begins(first + COARSE + 4)
    view = {}
    for name, track in tracks.items():
        low = bisect_right(track.increments, oldest, key=lambda i: i.end)
        high = bisect_left(track.increments, newest, key=lambda i: i.start)
        view[name] = track._replace(increments=track.increments[low:high])
    return view


def _judge_round(judgement: Judgement, tracks: Mapping[str, Track], grid: Grid, number: int) -> tuple[Judgement, float]:
    """The judgement after one more round, and the time of the sample that completed it."""
    fine, coarse = judgement.streams
    shape = judgement.policy.shape
    if number >= -1:
        judgement = _count_round(judgement, tracks, number)
    block = blocks.cut(tracks, grid, number, number, shape)
    if block:
        fine = weigh(judgement, fine, block, None)
    fine = _passed(judgement, fine, tracks, number - 1)
    if (number + 1) % COARSE == 0:
        first = number + 1 - COARSE
        against = blocks.cut(tracks, grid, first, number, shape)
        # One block behind: the canary's samples that cover stable's last stretch must have come.
        base = Arm.STABLE if judgement.policy.rho else Arm.CANARY
        favour = blocks.cut(tracks, grid, first - COARSE, first - 1, shape, base)
        coarse = weigh(judgement, coarse, against, favour)
        coarse = _passed(judgement, coarse, tracks, first - COARSE)
    return judgement._replace(streams=(fine, coarse)), blocks.completed(tracks, grid, number)


def _passed(judgement: Judgement, stream: Stream, tracks: Mapping[str, Track], first: int) -> Stream:
    """The stream with stable's counts from round `first` on in its past.

    One block behind: a stable pod's last scrape in the block before may lie in the next block.
    """
    grid, last = judgement.reader.grid, first + stream.rounds - 1
    found = blocks.counts(tracks, Arm.STABLE, grid, first, last, judgement.policy.shape)
    return stream._replace(past=stream.past.after(grid.begins(last + 1), found))


def _count_round(judgement: Judgement, tracks: Mapping[str, Track], number: int) -> Judgement:
    """The judgement with a round's requests in its totals: those since the newest weight, and the others."""
    step = judgement.weights[-1].time if judgement.weights else judgement.reader.anchor
    sums: dict[bool, Increment] = {}
    for track in tracks.values():
        for new in track.increments:
            if new.round == number and new.end > judgement.reader.anchor:
                late = new.start >= step
                so_far = sums.get(late)
                sums[late] = (
                    new._replace(canary=new.canary + so_far.canary, stable=new.stable + so_far.stable)
                    if so_far
                    else new
                )
    shape = judgement.policy.shape
    for found in sums.values():
        judgement = counted(judgement, found.start, found.canary @ shape, found.stable @ shape)
    return judgement
