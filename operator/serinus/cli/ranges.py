"""Samples of a past rollout out of Prometheus: raw ones, by range selectors, chunk after chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import aiohttp

from serinus.analysis import Window
from serinus.api.analysis import Analysis, Mean, Source
from serinus.metrics.series import Series
from serinus.prometheus.client import Prometheus
from serinus.reconcile.source import Subject
from serinus.reconcile.windows import (
    Histogram,
    error_window,
    histogram_of,
    latency_window,
    mean_window,
    units_of,
)

TIMEOUT = 60.0
"""Longest time that one query may take, in seconds."""
_FIRST_LOOK = 5.0
"""Seconds after the canary's first weight when histograms are looked for first."""


@dataclass(frozen=True, slots=True)
class Ranged:
    """A range of time in Prometheus as a source of samples.

    Attributes:
        counters: where errors are counted, and their series.
        histograms: where latencies are, and their series; None when the policy does not ask.
        means: series of each mean, by name.
        start: Unix seconds.
        end: Unix seconds.
        anchor: when the canary got its first weight.
    """

    counters: tuple[Subject, list[Series]]
    histograms: tuple[Subject, list[Series]] | None
    means: Mapping[str, list[Series]]
    start: float
    end: float
    anchor: float

    def errors(self) -> Window | None:
        """Return the window of answers and failed answers, if there are such counters."""
        found = error_window(*self.counters, self.start, self.end)
        return found if found.counters else None

    def histogram(self) -> Histogram | None:
        """Return what latency bounds are chosen from, if there are histograms: as soon as both sides have them."""
        if self.histograms is None:
            return None
        subject, series = self.histograms
        wait, found = _FIRST_LOOK, None
        while found is None and wait < 2 * (self.end - self.anchor):
            found = histogram_of(subject, [_until(one, self.anchor + wait) for one in series])
            wait *= 2
        return found

    def latency(self, bounds: tuple[float, ...], shift: float) -> Window:
        """Return the window of requests by latency, the canary's bounds being `shift` times stable's."""
        subject, series = self.histograms or self.counters
        return latency_window(subject, series, bounds, shift, self.start, self.end)

    def mean(self, mean: Mean) -> tuple[Window, int] | None:
        """Return the window of a mean and how many user buckets it has, if it is there."""
        subject, series = self.counters[0], self.means[mean.name]
        units = units_of(subject, mean, series)
        found = mean_window(subject, mean, series, units, self.start, self.end)
        return (found, len(units)) if found.counters else None


def fetch(  # noqa: PLR0913, PLR0917 - what to fetch, from where and when
    address: str, subject: Subject, analysis: Analysis, start: float, end: float, step: float, anchor: float
) -> Ranged:
    """Return all that the policy judges.

    Raises:
        Unavailable: Prometheus does not answer, with the reason.
    """
    return asyncio.run(_fetch(address, subject, analysis, _Span(start, end, step), anchor))


@dataclass(frozen=True, slots=True)
class _Span:
    start: float
    end: float
    step: float

    def chunks(self) -> Iterator[tuple[float, int]]:
        """Yield when to ask, and for how many seconds before."""
        count = max(1, ceil((self.end - self.start) / self.step))
        for number in range(count):
            begin = self.start + number * self.step
            until = min(self.end, begin + self.step)
            yield until, ceil(until - begin)


async def _fetch(address: str, subject: Subject, analysis: Analysis, span: _Span, anchor: float) -> Ranged:
    async with aiohttp.ClientSession() as session:
        prometheus = Prometheus(session, address, TIMEOUT)
        counters = await _chosen(prometheus, span, subject, analysis.error_rate.source, latency=False)
        histograms = None
        if analysis.latency:
            histograms = await _chosen(prometheus, span, subject, analysis.latency.source, latency=True)
        means = {mean.name: await _series(prometheus, span, subject.mean(mean).own) for mean in analysis.means}
    return Ranged(counters, histograms, means, span.start, span.end, anchor)


async def _chosen(
    prometheus: Prometheus, span: _Span, subject: Subject, wanted: Source, *, latency: bool
) -> tuple[Subject, list[Series]]:
    """Return the first source that holds series of this model: the gateway's, they see any container."""
    sources = [Source.GATEWAY, Source.PODS] if wanted is Source.AUTO else [wanted]
    for source in sources:
        chosen = replace(subject, source=source)
        found = await _series(prometheus, span, (chosen.latency if latency else chosen.errors).own)
        if any(not one.is_up for one in found):
            break
    return chosen, found


async def _series(prometheus: Prometheus, span: _Span, selector: str) -> list[Series]:
    parts = [await prometheus.query(f"{selector}[{width}s]", until) for until, width in span.chunks()]
    return joined(parts)


def joined(parts: Sequence[Sequence[Series]]) -> list[Series]:
    """Return the series of several answers, each once and each sample once, ascending."""
    found: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for part in parts:
        for one in part:
            found.setdefault(tuple(sorted(one.labels.items())), []).append(one)
    return [
        Series(
            pieces[0].labels,
            tuple(sorted({time: value for one in pieces for time, value in one.samples}.items())),
            tuple(sorted({time: held for one in pieces for time, held in one.histograms}.items())),
        )
        for pieces in found.values()
    ]


def _until(series: Series, end: float) -> Series:
    return series._replace(
        samples=tuple(sample for sample in series.samples if sample[0] <= end),
        histograms=tuple(sample for sample in series.histograms if sample[0] <= end),
    )
