"""Reads the request counters of a few pods from their own metrics endpoints, without Prometheus.

What is read becomes series as Prometheus would hold them, so that the same test can judge them. Stable's
pods are read after the canary's: whatever has struck both is then in stable's counters first.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

from serinus.metrics.series import Series
from serinus.prometheus.exposition import Reading, counters
from serinus.prometheus.shared import Answer

INTERVAL = 1.0
"""Seconds between two readings of a pod."""
_SOON = 0.9 * INTERVAL
"""Looks that follow one another sooner than this share a reading."""
TIMEOUT = 0.4
"""Seconds that one pod may take: both sides, one after the other, take less than a second."""
MOST_BYTES = 1024 * 1024
"""Largest answer that is read."""
MOST_AT_ONCE = 50
"""Pods that are read at the same time, of all rollouts."""
_KEPT = 5
"""Readings of a pod that are kept."""
_PLAIN = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}


class Endpoint(NamedTuple):
    """Where a pod tells its counters."""

    namespace: str
    pod: str
    url: str


class Unreadable(Exception):  # noqa: N818 - a state of a pod, named as status names it
    """A pod's counters could not be read; the message says why."""


@dataclass(slots=True)
class PodReader:
    """Asks pods."""

    session: aiohttp.ClientSession
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    async def read(self, endpoint: Endpoint, families: Sequence[str]) -> list[Reading]:
        """Return the counters of some families that a pod tells.

        Raises:
            Unreadable: with what went wrong, in words.
        """
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with (
                self._turns,
                self.session.get(endpoint.url, timeout=limit, headers=_PLAIN, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise Unreadable(f"HTTP {answer.status}")
                body = await answer.content.readexactly(MOST_BYTES + 1)
        except asyncio.IncompleteReadError as whole:
            body = whole.partial
        except TimeoutError:
            raise Unreadable(f"no answer within {TIMEOUT:g} s") from None
        except aiohttp.ClientError as error:
            raise Unreadable(str(error) or type(error).__name__) from error
        if len(body) > MOST_BYTES:
            raise Unreadable(f"the answer is larger than {MOST_BYTES} bytes")
        try:
            return counters(body.decode(), families)
        except ValueError as error:
            raise Unreadable(f"the answer is not in Prometheus' text format: {error}") from error


@dataclass(slots=True)
class _Counter:
    """One counter of a pod: what it counted since the pod was first read."""

    labels: Mapping[str, str]
    told: float
    """What the pod told last."""
    counted: float = 0.0
    samples: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_KEPT))


@dataclass(slots=True)
class _Pod:
    """What was read of one pod."""

    target: Mapping[str, str]
    """Labels of a scrape target."""
    up: Mapping[str, str]
    """Labels of the series that tells whether it answered."""
    ups: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    counters: dict[tuple[str, frozenset[tuple[str, str]]], _Counter] = field(default_factory=dict)
    known: bool = False

    def take(self, time: float, readings: Iterable[Reading]) -> None:
        """Add a reading.

        The first one is only where counting starts: nobody saw when the pod counted it. Where a
        counter fell, the process began anew, and all of its counters with it.
        """
        now = {(reading.family, frozenset(reading.labels.items())): reading for reading in readings}
        fell = any((one := self.counters.get(key)) and reading.value < one.told for key, reading in now.items())
        for key, reading in now.items():
            counter = self.counters.get(key)
            if counter is None:
                labels = {**_renamed(reading.labels, self.target), **self.target, "__name__": reading.family}
                counter = self.counters[key] = _Counter(labels, 0.0 if self.known else reading.value)
            counter.counted += reading.value - (0.0 if fell else counter.told)
            counter.told = reading.value
        for key, counter in self.counters.items():
            counter.told = counter.told if key in now else 0.0
            counter.samples.append((time, counter.counted))
        self.known = True
        self.ups.append((time, 1.0))

    def missed(self, time: float) -> None:
        """Note that it could not be read."""
        self.ups.append((time, 0.0))


@dataclass(slots=True)
class DirectCounters:
    """The counters of one rollout's pods, read every second by whoever looks."""

    reader: PodReader
    clock: Callable[[], float]
    problem: str = ""
    """Why pods could not be read at the newest attempt, in words."""
    _pods: dict[Endpoint, _Pod] = field(default_factory=dict)
    _reading: asyncio.Task[None] | None = None
    _began: float = 0.0

    @property
    def known(self) -> frozenset[str]:
        """Return the names of the pods that are being read."""
        return frozenset(endpoint.pod for endpoint in self._pods)

    async def read(self, families: Sequence[str], canary: Sequence[Endpoint], stable: Sequence[Endpoint]) -> Answer:
        """Return what the pods have told lately; a reading that takes long comes to the next caller."""
        now = self.clock()
        if self._reading is None or (self._reading.done() and not 0.0 <= now - self._began < _SOON):
            self._began = now
            self._reading = asyncio.ensure_future(self._read(families, canary, stable))
        await asyncio.wait({self._reading}, timeout=INTERVAL)
        if self._reading.done():
            self._reading.result()
        return Answer(self.clock(), tuple(self._series()))

    async def _read(self, families: Sequence[str], canary: Sequence[Endpoint], stable: Sequence[Endpoint]) -> None:
        pods = {one: self._pods.get(one) or _new(one) for one in (*canary, *stable)}
        problems = [
            *await asyncio.gather(*(self._read_one(pods[one], one, families, before=False) for one in canary)),
            *await asyncio.gather(*(self._read_one(pods[one], one, families, before=True) for one in stable)),
        ]
        self._pods, self.problem = pods, "; ".join(sorted(filter(None, problems))[:3])

    async def _read_one(self, pod: _Pod, endpoint: Endpoint, families: Sequence[str], *, before: bool) -> str:
        """Read one pod and return what went wrong.

        A reading's time lies after it for the canary and before it for stable. So stable's
        readings span all of the time that the canary's do, and more, however long one takes.
        """
        time = self.clock()
        try:
            readings = await self.reader.read(endpoint, families)
        except Unreadable as error:
            pod.missed(time)
            return f"{endpoint.pod}: {error}"
        pod.take(time if before else self.clock(), readings)
        return ""

    def _series(self) -> Iterable[Series]:
        for pod in self._pods.values():
            yield Series(pod.up, tuple(pod.ups))
            for counter in pod.counters.values():
                yield Series(counter.labels, tuple(counter.samples))


def _new(endpoint: Endpoint) -> _Pod:
    target = {"namespace": endpoint.namespace, "pod": endpoint.pod, "job": "guard", "instance": endpoint.url}
    return _Pod(target, {**target, "__name__": "up"})


def _renamed(own: Mapping[str, str], target: Mapping[str, str]) -> dict[str, str]:
    """Return a counter's own labels, those that a target has too under Prometheus' other name."""
    return {f"exported_{name}" if name in target else name: value for name, value in own.items()}
