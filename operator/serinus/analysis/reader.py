"""From windows to increments: what every test of a rollout reads its numbers with.

`read_window` depends on what the windows hold, not on how they are cut: overlapping, repeated or
one big window give the same increments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from .increments import Grid, Increment, Track, read, usable
from .samples import Arm, Counter, Target, Window

LONGEST = 3.0
"""Intervals; an increment over a longer gap is left out, and a longer silence not waited for."""
_KNOWN_INTERVALS = 1.2
"""A target that was there when a window begins is scraped within this many intervals."""
_FORGET = 3600.0
"""Seconds for which a silent target's counters are remembered."""


class Sight(NamedTuple):
    """What the newest window showed of one target.

    Attributes:
        name: the target's.
        arm: as in `Target`.
        live: as in `Target`.
        newest: when it last answered, None if never within the window.
        up: whether its newest scrape was answered.
        unusable: a counter whose newest value is no number, or negative.
    """

    name: str
    arm: Arm | None
    live: bool
    newest: float | None
    up: bool
    unusable: str | None


class Reader(NamedTuple):
    """How far the counters of one rollout have been read. Make it with `begin_reading`.

    Attributes:
        anchor: the rollout's start; the grid of rounds begins here.
        cells: numbers per target and arm, see `Counter`.
        interval: scrape interval, seconds; None before a target was scraped twice.
        separate: whether the arms come from different targets; None before the first target.
        tracks: how far each target was read, and what was not taken out yet.
        cursors: newest scrape taken out per target.
        sights: the newest window's targets.
        seen: where the newest window ended, None before the first.
        resume: where the next window must begin after a restart, None otherwise.
    """

    anchor: float
    cells: int
    interval: float | None = None
    separate: bool | None = None
    tracks: Mapping[str, Track] = {}
    cursors: Mapping[str, float] = {}
    sights: tuple[Sight, ...] = ()
    seen: float | None = None
    resume: float | None = None

    @property
    def grid(self) -> Grid:
        """The rounds of the rollout."""
        return Grid(self.anchor, self.interval or 1.0)

    @property
    def since(self) -> float | None:
        """How far back the next window must reach for nothing to be lost; None if it is open."""
        if self.interval is None:
            return None
        newest = max((t.last for t in self.tracks.values() if t.last is not None), default=None)
        if newest is None:
            return self.anchor - 2 * self.interval if self.resume is None else self.resume
        recent = newest - LONGEST * self.interval
        return min(t.last for t in self.tracks.values() if t.last is not None and t.last >= recent)


def begin_reading(anchor: float, cells: int) -> Reader:
    """A reader that has seen nothing."""
    return Reader(anchor, cells)


def read_window(reader: Reader, window: Window) -> Reader:
    """The reader after a window; the same one when the window shows no scrape that is new.

    Windows should reach back to `reader.since`; what lies in a gap is lost, and counting goes on
    after it.

    Raises:
        ValueError: the window's interval is not above 0.
    """
    reader = _pinned(reader, window)
    if reader.interval is None:
        return reader._replace(sights=tuple(_sight(target, ()) for target in window.targets))
    return reader if _unchanged(reader, window) else _read(reader, window)


def next_scrape(reader: Reader, now: float) -> float:
    """When a live target is to be scraped next, or was to be if it is late; `now` while that cannot be told."""
    interval = reader.interval
    if interval is None:
        return now
    known = [sight.newest for sight in reader.sights if sight.live and sight.newest is not None]
    return min((at + interval for at in known if at + LONGEST * interval > now), default=now)


def drained(reader: Reader) -> tuple[Reader, list[tuple[str, Increment]]]:
    """The reader without its increments, and those after the cursors in order of time, by target."""
    cursors = dict(reader.cursors)
    new: list[tuple[str, Increment]] = []
    tracks: dict[str, Track] = {}
    for name, track in reader.tracks.items():
        done = cursors.get(name, -inf)
        new.extend((name, increment) for increment in track.increments if increment.end > done)
        tracks[name] = Track(track.arm, track.last, track.values, ()) if track.increments else track
        if track.last is not None:
            cursors[name] = max(done, track.last)
    new.sort(key=lambda entry: (entry[1].end, entry[0]))
    return reader._replace(tracks=recent(tracks), cursors=cursors), new


def recent(tracks: Mapping[str, Track]) -> dict[str, Track]:
    """The tracks of targets that have not been silent for long."""
    newest = max((t.last for t in tracks.values() if t.last is not None), default=-inf)
    return {name: track for name, track in tracks.items() if track.last is None or track.last > newest - _FORGET}


def _pinned(reader: Reader, window: Window) -> Reader:
    """The reader that knows its source, and its interval once a target was scraped twice."""
    if reader.separate is None and window.targets:
        reader = reader._replace(separate=any(t.arm is not None for t in window.targets))
    if reader.interval is not None:
        return reader
    if window.interval <= 0.0:
        msg = f"interval must be above 0, got {window.interval}"
        raise ValueError(msg)
    if all(len(target.scrapes) < 2 for target in window.targets):
        return reader
    return reader._replace(interval=window.interval)


def _unchanged(reader: Reader, window: Window) -> bool:
    """Whether the window shows no scrape that the last one did not: the usual poll."""
    if len(window.targets) != len(reader.sights):
        return False
    return all(
        target.name == sight.name
        and target.live == sight.live
        and target.scrapes
        and sight.up
        and target.scrapes[-1] == (sight.newest, 1.0)
        and (track := reader.tracks.get(target.name)) is not None
        and track.last == sight.newest
        for target, sight in zip(window.targets, reader.sights, strict=True)
    )


def _read(reader: Reader, window: Window) -> Reader:
    born_after = _born_after(reader, window)
    by_target: dict[str, list[Counter]] = defaultdict(list)
    for counter in window.counters:
        by_target[counter.target].append(counter)
    tracks = dict(reader.tracks)
    sights = []
    for target in window.targets:
        counters = by_target.get(target.name, [])
        old = tracks.get(target.name)
        tracks[target.name] = read(old, target, counters, reader.cells, reader.grid, born_after)
        sights.append(_sight(target, counters))
    seen = max(window.now, reader.seen if reader.seen is not None else window.now)
    return reader._replace(tracks=tracks, sights=tuple(sights), seen=seen)


def _born_after(reader: Reader, window: Window) -> float:
    """After which time the first scrape of a target not known yet shows that it is newborn."""
    if reader.seen is not None and window.start <= reader.seen:
        return reader.anchor
    return max(reader.anchor, window.start + _KNOWN_INTERVALS * (reader.interval or window.interval))


def _sight(target: Target, counters: Sequence[Counter]) -> Sight:
    newest = max((time for time, up in target.scrapes if up == 1.0), default=None)
    up = bool(target.scrapes) and target.scrapes[-1][1] == 1.0
    bad = next((key for _, _, key, _, samples in counters if samples and not usable(samples[-1][1])), None)
    return Sight(target.name, target.arm, target.live, newest, up, bad)
