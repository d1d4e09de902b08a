"""From the series of an answer to what each test looks at."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from serinus.analysis import Arm, Window
from serinus.api.v1alpha1 import Source
from serinus.metrics import envoy, pods
from serinus.metrics.histograms import Durations, Samples, by_bound, common, durations, increase, rounded
from serinus.metrics.series import Series
from serinus.reconcile.layout import Layout, Reading, Reported, Slot
from serinus.reconcile.source import MeanCounters, Subject

SHARED_INTERVALS = 3
"""Scrape intervals that one shared query fetches for all rollouts."""
CATCH_UP_INTERVALS = 36
"""The same for all that have fallen behind: a thousand questions of their own would keep them behind."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """The bounds at which both arms can be compared.

    Attributes:
        bounds: seconds, ascending.
        slower: stable's requests that took longer than each, over the series' time.
        requests: all of stable's.
        growth: ratio of neighbouring bounds of exponential histograms, None for bounds that
            somebody chose.
    """

    bounds: tuple[float, ...]
    slower: tuple[float, ...]
    requests: float
    growth: float | None


class _Timed(NamedTuple):
    """The histogram of one label set of one endpoint and arm, and the series that make it."""

    reported: Reported
    identity: str
    series: list[Series]
    durations: Durations
    unit: float
    """Seconds in the unit of its bounds."""


def error_window(subject: Subject, series: Sequence[Series], start: float, now: float) -> Window:
    """Return the answers of both arms: cell 0 the fine ones, cell 1 the failed ones."""
    return error_layout(subject, series).window(subject.live_pods, series, start, now)


def error_layout(subject: Subject, series: Sequence[Series]) -> Layout:
    """Return where the answers of both arms stand, see `error_window`."""
    reading = Reading(subject, series, subject.source)
    slots = _gateway_answers if subject.source is Source.GATEWAY else _pod_answers
    return reading.layout(slot for one in reading.reported for slot in slots(subject, reading, one))


def uncoded(counters: Sequence[Series]) -> Iterator[Series]:
    """Give the counters of answers by gRPC of which no code is counted: nobody can tell how they ended."""
    coded = {one.labels["envoy_cluster_name"] for one in counters if envoy.has_code(one.labels)}
    for one in counters:
        if envoy.called(one.labels) and one.labels["envoy_cluster_name"] not in coded:
            yield one


def _gateway_answers(_: Subject, reading: Reading, one: Reported) -> Iterator[Slot]:
    """Give the answers that a proxy counted. A code of gRPC is in a counter's name, not among its labels."""
    for found in one.counters:
        if envoy.counts(found.labels):
            own = one.scraped.own(found) + (found.name if envoy.is_grpc(found.labels) else "")
            yield reading.slot(one, own, int(envoy.is_error(found.labels)), found)
    for found in uncoded(one.counters):
        yield reading.slot(one, one.scraped.own(found), 0, found, _unknown)


def _pod_answers(subject: Subject, reading: Reading, one: Reported) -> Iterator[Slot]:
    """Give the answers that a pod counted, those of gRPC apart; one counter of both protocols counts once."""
    parts = [(part, pods.requests(part)) for part in pods.parts(subject.metrics_of(one.arm))]
    for found in one.counters:
        place = next((place for place, (_, names) in enumerate(parts) if found.name in names), None)
        if place is not None and pods.counts(found.labels, parts[place][0]):
            own = one.scraped.own(found) + (found.name if place else "")
            yield reading.slot(one, own, int(pods.is_error(found.labels, parts[place][0])), found)


def histogram_of(subject: Subject, series: Sequence[Series]) -> Histogram | None:
    """Return the bounds that both arms have, or None until both were seen and have one in common."""
    arms: dict[Arm, list[Durations]] = defaultdict(list)
    for one in _histograms(subject, Reading(subject, series, subject.source)):
        if one.durations.filled:
            arms[one.reported.arm].append(one.durations)
    bounds, growth = common([*arms[Arm.STABLE], *arms[Arm.CANARY]])
    if not bounds or not all(arms[arm] for arm in Arm):
        return None
    stable = arms[Arm.STABLE]
    requests = math.fsum(increase(one.all()) for one in stable)
    count = increase if requests else _newest
    requests = math.fsum(count(one.all()) for one in stable)
    slower = tuple(
        max(0.0, requests - math.fsum(count(histogram.at_most(bound)) for histogram in stable)) for bound in bounds
    )
    return Histogram(bounds, slower, requests, growth)


def latency_window(  # noqa: PLR0913, PLR0917 - as the other windows, with what a test compares
    subject: Subject, series: Sequence[Series], bounds: Sequence[float], shift: float, start: float, now: float
) -> Window:
    """Return the durations of both arms: cell k those of at most bound k, the last cell all.

    The canary's bounds are `shift` times as long. A sample that cannot say how many lie below one
    of the bounds (its buckets became wider, or are others) is no number: what the reader makes of
    it is Blind, never slow requests.
    """
    return latency_layout(subject, series, bounds, shift).window(subject.live_pods, series, start, now)


def latency_layout(subject: Subject, series: Sequence[Series], bounds: Sequence[float], shift: float) -> Layout:
    """Return where the durations of both arms stand, see `latency_window`."""
    reading = Reading(subject, series, subject.source)
    limits = {Arm.STABLE: tuple(bounds), Arm.CANARY: tuple(bound * shift for bound in bounds)}
    return reading.layout(
        slot for one in _histograms(subject, reading) for slot in _buckets(reading, one, limits[one.reported.arm])
    )


def _buckets(reading: Reading, one: _Timed, limits: Sequence[float]) -> Iterator[Slot]:
    """Give the slots of a histogram: one for each bound, the last for all."""
    reported, identity, group, _, scale = one
    if one.durations.native:
        holder = next(found for found in group if found.histograms)
        for cell, limit in enumerate((*limits, math.inf)):
            yield reading.slot(reported, identity, cell, holder, partial(_native, scale, limit))
        return
    classic = by_bound(group, scale)
    for cell, limit in enumerate(limits):
        found = classic.get(rounded(limit))
        if found is None:
            yield reading.slot(reported, identity, cell, classic[math.inf], _unknown)
        else:
            yield reading.slot(reported, identity, cell, found)
    yield reading.slot(reported, identity, len(limits), classic[math.inf])


def _native(scale: float, limit: float, series: Series, start: float) -> Samples:
    found = Durations({}, series.histograms, scale)
    return found.at_most(limit, start) if limit < math.inf else found.all(start)


def _unknown(series: Series, start: float) -> Samples:
    """Return no number whenever a histogram was scraped that has no such bound."""
    return tuple([(time, math.nan) for time, _ in series.samples if time >= start])


def mean_window(  # noqa: PLR0913, PLR0917 - as the other windows, with what the mean is made of
    subject: Subject, mean: MeanCounters, series: Sequence[Series], units: Sequence[str], start: float, now: float
) -> Window:
    """Return what a mean is made of: count, sum and sum of squares, or count and sum of each unit.

    Units that are not in `units` are left out.
    """
    return mean_layout(subject, mean, series, units).window(subject.live_pods, series, start, now)


def mean_layout(subject: Subject, mean: MeanCounters, series: Sequence[Series], units: Sequence[str]) -> Layout:
    """Return where the numbers of a mean stand, see `mean_window`: always in pods."""
    reading = Reading(subject, series, Source.PODS)
    parts = [mean.count, mean.sum] if mean.unit else [mean.count, mean.sum, mean.sumsq]
    places = {unit: 2 * place for place, unit in enumerate(units)} if mean.unit else {"": 0}
    return reading.layout(
        reading.slot(one, one.scraped.own(found), places[unit] + parts.index(found.name), found)
        for one in reading.reported
        for found in one.counters
        if found.name in parts and (unit := _unit(mean, found)) in places
    )


def units_of(subject: Subject, mean: MeanCounters, series: Sequence[Series]) -> tuple[str, ...]:
    """Return the values of the unit's label that either arm counts, in order; none without such a label."""
    if not mean.unit:
        return ()
    reported = Reading(subject, series, Source.PODS).reported
    return tuple(sorted({_unit(mean, found) for one in reported for found in one.counters if found.name == mean.count}))


def _histograms(subject: Subject, reading: Reading) -> Iterator[_Timed]:
    """Give each label set's histogram."""
    for one in reading.reported:
        groups: dict[tuple[str, float], list[Series]] = defaultdict(list)
        for found in one.counters:
            if (told := _timed(subject, one, found)) is not None:
                groups[told].append(found)
        for (identity, unit), group in groups.items():
            histogram = durations(group, unit)
            if histogram.native or math.inf in histogram.classic:
                yield _Timed(one, identity, group, histogram, unit)


def _timed(subject: Subject, one: Reported, found: Series) -> tuple[str, float] | None:
    """Return which histogram of durations a series is a part of, with its unit; None when of none."""
    own = one.scraped.own(found, "le", "__name__")
    if subject.source is Source.GATEWAY:
        return (own, envoy.MILLISECONDS) if found.name in {envoy.LATENCY, f"{envoy.LATENCY}_bucket"} else None
    for place, part in enumerate(pods.parts(subject.metrics_of(one.arm))):
        if found.name in pods.histograms(part) and pods.counts(found.labels, part):
            return own + (pods.latency(part) if place else ""), pods.unit(part)
    return None


def _unit(mean: MeanCounters, series: Series) -> str:
    return series.labels.get(mean.unit, "") if mean.unit else ""


def _newest(samples: Samples) -> float:
    return next((value for _, value in reversed(samples) if math.isfinite(value)), 0.0)
