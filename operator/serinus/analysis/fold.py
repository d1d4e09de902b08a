"""Taking in a window: read every target, cut the blocks that are complete, weigh them in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

from . import blocks
from .blocks import COARSE
from .evalue import Block
from .increments import Grid, Increment, Track, read, usable
from .judgement import KEPT_ROUNDS, Judgement, Sight, Stream, counted, latched, weigh
from .past import Past
from .samples import Arm, Counter, Tally, Target, Window

_KNOWN_INTERVALS = 1.2
"""A target that was there when a window begins is scraped within this many intervals."""
_FORGET = 3600.0
"""Seconds for which a silent target's counters are remembered."""


def fold(judgement: Judgement, window: Window) -> Judgement:
    """The judgement after a window.

    Samples that were folded before are skipped, so windows may overlap and repeat. Windows should
    reach back to `judgement.since`; what lies in a gap is lost, and judging goes on after it.

    Raises:
        ValueError: the window's interval is not above 0.
    """
    judgement = _pinned(judgement, window)
    if judgement.interval is None:
        return replace(judgement, sights=tuple(_sight(target, ()) for target in window.targets))
    if _unchanged(judgement, window):
        return judgement
    seen = _read(judgement, window)
    if seen.tracks == judgement.tracks:
        return seen
    return _fold_rounds(seen) if seen.separate else _fold_scrapes(seen)


def _pinned(judgement: Judgement, window: Window) -> Judgement:
    """The judgement that knows its source, and its interval once a target was scraped twice."""
    if judgement.separate is None and window.targets:
        judgement = replace(judgement, separate=any(t.arm is not None for t in window.targets))
    if judgement.interval is not None:
        return judgement
    if window.interval <= 0.0:
        msg = f"interval must be above 0, got {window.interval}"
        raise ValueError(msg)
    if all(len(target.scrapes) < 2 for target in window.targets):
        return judgement
    return replace(judgement, interval=window.interval)


def _unchanged(judgement: Judgement, window: Window) -> bool:
    """Whether the window shows no scrape that the last one did not: the usual poll."""
    if len(window.targets) != len(judgement.sights):
        return False
    return all(
        target.name == sight.name
        and target.live == sight.live
        and target.scrapes
        and sight.up
        and target.scrapes[-1] == (sight.newest, 1.0)
        and (track := judgement.tracks.get(target.name)) is not None
        and track.last == sight.newest
        for target, sight in zip(window.targets, judgement.sights, strict=True)
    )


def _read(judgement: Judgement, window: Window) -> Judgement:
    pinned = replace(window, interval=judgement.interval or window.interval)
    born_after = _born_after(judgement, pinned)
    grid = Grid(judgement.anchor, pinned.interval)
    by_target: dict[str, list[Counter]] = defaultdict(list)
    for counter in window.counters:
        by_target[counter.target].append(counter)
    tracks = dict(judgement.tracks)
    sights = []
    for target in window.targets:
        counters = by_target.get(target.name, [])
        old = tracks.get(target.name)
        tracks[target.name] = read(old, target, counters, grid, born_after)
        sights.append(_sight(target, counters))
    seen = max(window.now, judgement.seen if judgement.seen is not None else window.now)
    return replace(judgement, tracks=tracks, sights=tuple(sights), seen=seen)


def _born_after(judgement: Judgement, window: Window) -> float:
    """After which time the first scrape of a target not known yet shows that it is newborn."""
    if judgement.seen is not None and window.start <= judgement.seen:
        return judgement.anchor
    return max(judgement.anchor, window.start + _KNOWN_INTERVALS * window.interval)


def _sight(target: Target, counters: Sequence[Counter]) -> Sight:
    newest = max((time for time, up in target.scrapes if up == 1.0), default=None)
    up = bool(target.scrapes) and target.scrapes[-1][1] == 1.0
    bad = next((c.key for c in counters if c.samples and not usable(c.samples[-1][1])), None)
    return Sight(target.name, target.arm, target.live, newest, up, bad)


def _fold_scrapes(judgement: Judgement) -> Judgement:
    """Arms together: every scrape of every target is a block."""
    cursors = dict(judgement.cursors)
    new: list[tuple[float, str, Increment]] = []
    tracks: dict[str, Track] = {}
    for name, track in judgement.tracks.items():
        done = cursors.get(name, -inf)
        new.extend((i.end, name, i) for i in track.increments if i.end > done)
        tracks[name] = replace(track, increments=())
        if track.last is not None:
            cursors[name] = max(done, track.last)
    judgement = replace(judgement, tracks=_recent(tracks), cursors=cursors)
    for _, _, increment in sorted(new, key=lambda entry: entry[:2]):
        judgement = _judge_scrape(judgement, increment)
    return judgement


def _judge_scrape(judgement: Judgement, increment: Increment) -> Judgement:
    canary, stable = increment.canary, increment.stable
    stream, waiting = judgement.streams[0], []
    for end, requests, errors in judgement.waiting:
        if end <= increment.start:
            past = stream.past.after(end, [Tally(requests, errors)], comparable=False)
            stream = replace(stream, past=past)
        else:
            waiting.append((end, requests, errors))
    if stable.requests > 0.0:
        waiting.append((increment.end, stable.requests, stable.errors))
    if increment.end > judgement.anchor:
        block = Block(increment.start, increment.end, increment.end, *canary, *stable)
        stream = weigh(judgement, stream, block)
        judgement = counted(judgement, increment.start, canary, stable)
    judgement = replace(judgement, streams=(stream, *judgement.streams[1:]), waiting=tuple(waiting))
    return latched(judgement, increment.end)


def _fold_rounds(judgement: Judgement) -> Judgement:
    """Arms apart: a block is one round, and again `COARSE` rounds."""
    grid = Grid(judgement.anchor, judgement.interval or 1.0)
    number = judgement.round
    if number is None:
        rounds = [i.round for t in judgement.tracks.values() for i in t.increments]
        if not rounds:
            return judgement
        number = min(rounds)
    elif not blocks.complete(judgement.tracks, grid, number):
        return judgement
    view = _around(judgement.tracks, grid, number)
    while blocks.complete(view, grid, number):
        judgement = _judge_round(judgement, view, grid, number)
        number += 1
        if number % COARSE == 0:
            view = _around(judgement.tracks, grid, number)
    oldest = grid.begins(number // COARSE * COARSE - KEPT_ROUNDS)
    tracks = {
        name: replace(track, increments=tuple(i for i in track.increments if i.end > oldest))
        for name, track in judgement.tracks.items()
    }
    return replace(judgement, tracks=_recent(tracks), round=number)


def _around(tracks: Mapping[str, Track], grid: Grid, number: int) -> dict[str, Track]:
    """The tracks with only the increments that the coarse block of a round can need."""
    first = number // COARSE * COARSE
    oldest, newest = grid.begins(first - KEPT_ROUNDS), grid.begins(first + COARSE + 1)
    view = {}
    for name, track in tracks.items():
        low = bisect_right(track.increments, oldest, key=lambda i: i.end)
        high = bisect_left(track.increments, newest, key=lambda i: i.start)
        view[name] = replace(track, increments=track.increments[low:high])
    return view


def _judge_round(judgement: Judgement, tracks: Mapping[str, Track], grid: Grid, number: int) -> Judgement:
    fine, coarse = judgement.streams
    if number >= -1:
        judgement = _count_round(judgement, tracks, number)
    block = blocks.cut(tracks, grid, number, number)
    time = block.time if block else grid.begins(number + 1)
    if block:
        fine = weigh(judgement, fine, block)
    fine = _passed(fine, tracks, grid, number - 1)
    if (number + 1) % COARSE == 0:
        first = number + 1 - COARSE
        block = blocks.cut(tracks, grid, first, number)
        if block:
            coarse = weigh(judgement, coarse, block)
        coarse = _passed(coarse, tracks, grid, first - COARSE)
    return latched(replace(judgement, streams=(fine, coarse)), time)


def _passed(stream: Stream, tracks: Mapping[str, Track], grid: Grid, first: int) -> Stream:
    """The stream with stable's counts from round `first` on in its past.

    One block behind: a stable pod's last scrape in the block before may lie in the next block.
    """
    last = first + stream.rounds - 1
    found = blocks.tallies(tracks, Arm.STABLE, grid, first, last)
    past: Past = stream.past.after(grid.begins(last + 1), found, comparable=True)
    return replace(stream, past=past)


def _count_round(judgement: Judgement, tracks: Mapping[str, Track], number: int) -> Judgement:
    for track in tracks.values():
        for increment in track.increments:
            if increment.round == number and increment.end > judgement.anchor:
                judgement = counted(judgement, increment.start, increment.canary, increment.stable)
    return judgement


def _recent(tracks: Mapping[str, Track]) -> dict[str, Track]:
    newest = max((t.last for t in tracks.values() if t.last is not None), default=-inf)
    return {name: track for name, track in tracks.items() if track.last is None or track.last > newest - _FORGET}
