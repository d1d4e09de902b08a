"""From the series of an answer to what a test looks at: whose they are, and which number each one counts.

Each endpoint (a pod, a proxy) serves once, however many jobs scrape it. Keys are made of the
container's own labels, so that no two counters of an endpoint share one.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from serinus.analysis import Arm, Counter, Target, Window
from serinus.api.v1alpha1 import Source
from serinus.metrics import envoy, pods
from serinus.metrics.histograms import Durations, Samples, common, durations, increase, recent
from serinus.metrics.scrapes import Scraped, endpoints, interval_of
from serinus.metrics.series import Series
from serinus.reconcile.source import MeanCounters, Subject

SHARED_INTERVALS = 3
"""Scrape intervals that one shared query fetches for all rollouts."""
CATCH_UP_INTERVALS = 36
"""The same for all that have fallen behind: a thousand questions of their own would keep them behind."""
GONE_AFTER = 3
"""Scrape intervals without an answer after which a proxy is no longer waited for."""


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


class _Reported(NamedTuple):
    """The counters of one arm that one endpoint reported."""

    arm: Arm
    scraped: Scraped
    counters: list[Series]

    def counter(self, identity: str, cell: int, samples: Samples) -> Counter:
        """Return one number of the metric."""
        return Counter(self.arm, self.scraped.endpoint, f"{identity}#{cell}", cell, samples)


def error_window(subject: Subject, series: Sequence[Series], start: float, now: float) -> Window:
    """Return the answers of both arms: cell 0 the fine ones, cell 1 the failed ones."""
    targets, reported = _read(subject, series)
    gateway = subject.source is Source.GATEWAY
    family = pods.requests(subject.metrics)
    counters = [
        one.counter(one.scraped.own(found), int(_is_error(subject, found)), recent(found.samples, start))
        for one in reported
        for found in one.counters
        if (envoy.counts(found.labels) if gateway else found.name == family)
    ]
    return _window(counters, targets, start, now)


def histogram_of(subject: Subject, series: Sequence[Series]) -> Histogram | None:
    """Return the bounds that both arms have, or None until both were seen and have one in common."""
    arms: dict[Arm, list[Durations]] = defaultdict(list)
    for one in _read(subject, series)[1]:
        arms[one.arm].extend(histogram for _, histogram in _histograms(subject, one) if histogram.filled)
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
    targets, reported = _read(subject, series)
    limits = {Arm.STABLE: tuple(bounds), Arm.CANARY: tuple(bound * shift for bound in bounds)}
    counters: list[Counter] = []
    for one in reported:
        for identity, histogram in _histograms(subject, one):
            counters.append(one.counter(identity, len(bounds), histogram.all(start)))
            counters.extend(
                one.counter(identity, cell, histogram.at_most(bound, start))
                for cell, bound in enumerate(limits[one.arm])
            )
    return _window(counters, targets, start, now)


def mean_window(  # noqa: PLR0913, PLR0917 - as the other windows, with what the mean is made of
    subject: Subject, mean: MeanCounters, series: Sequence[Series], units: Sequence[str], start: float, now: float
) -> Window:
    """Return what a mean is made of: count, sum and sum of squares, or count and sum of each unit.

    Units that are not in `units` are left out.
    """
    targets, reported = _read_pods(subject, series)
    parts = [mean.count, mean.sum] if mean.unit else [mean.count, mean.sum, mean.sumsq]
    places = {unit: 2 * place for place, unit in enumerate(units)} if mean.unit else {"": 0}
    counters = [
        one.counter(
            one.scraped.own(found),
            places[unit] + parts.index(found.name),
            recent(found.samples, start),
        )
        for one in reported
        for found in one.counters
        if found.name in parts and (unit := _unit(mean, found)) in places
    ]
    return _window(counters, targets, start, now)


def units_of(subject: Subject, mean: MeanCounters, series: Sequence[Series]) -> tuple[str, ...]:
    """Return the values of the unit's label that either arm counts, in order; none without such a label."""
    if not mean.unit:
        return ()
    reported = _read_pods(subject, series)[1]
    return tuple(sorted({_unit(mean, found) for one in reported for found in one.counters if found.name == mean.count}))


def _window(counters: Iterable[Counter], targets: tuple[Target, ...], start: float, now: float) -> Window:
    return Window(tuple(counters), targets, start, now, interval_of(target.scrapes for target in targets))


def _read(subject: Subject, series: Sequence[Series]) -> tuple[tuple[Target, ...], list[_Reported]]:
    return _read_proxies(subject, series) if subject.source is Source.GATEWAY else _read_pods(subject, series)


def _read_pods(subject: Subject, series: Sequence[Series]) -> tuple[tuple[Target, ...], list[_Reported]]:
    """Return the pods of both revisions as targets, and what they counted."""
    arms: dict[str, Arm | None] = {}
    counters: list[Series] = []
    ups: list[Series] = []
    for one in series:
        if one.labels.get("namespace") != subject.namespace or not (pod := one.labels.get("pod", "")):
            continue
        if pod not in arms:
            arms[pod] = subject.pod_arm(one.labels)
        if arms[pod] is not None:
            (ups if one.is_up else counters).append(one)
    targets: list[Target] = []
    reported: list[_Reported] = []
    for scraped in endpoints(counters, ups):
        pod = scraped.up.labels["pod"]
        arm = arms[pod]
        if arm is not None:
            targets.append(Target(scraped.endpoint, arm, scraped.up.samples, live=pod in subject.live_pods))
            reported.append(_Reported(arm, scraped, list(scraped.counters)))
    return tuple(targets), reported


def _read_proxies(subject: Subject, series: Sequence[Series]) -> tuple[tuple[Target, ...], list[_Reported]]:
    """Return the proxies that have counters of the route as targets, and what they counted for each arm."""
    clusters = subject.clusters
    counters = [one for one in series if one.labels.get("envoy_cluster_name", "") in clusters]
    reporting = {(one.labels.get("job", ""), one.labels.get("instance", "")) for one in counters}
    proxies = endpoints(counters, [one for one in series if one.is_up and one.target in reporting])
    proxies = [scraped for scraped in proxies if scraped.up.samples]
    newest = max((scraped.up.samples[-1][0] for scraped in proxies), default=0.0)
    horizon = newest - GONE_AFTER * interval_of(scraped.up.samples for scraped in proxies)
    targets: list[Target] = []
    reported: list[_Reported] = []
    for scraped in proxies:
        samples = scraped.up.samples
        targets.append(Target(scraped.endpoint, None, samples, live=samples[-1][0] >= horizon))
        sides: dict[Arm, list[Series]] = {Arm.STABLE: [], Arm.CANARY: []}
        for one in scraped.counters:
            sides[clusters[one.labels["envoy_cluster_name"]]].append(one)
        reported.extend(_Reported(arm, scraped, side) for arm, side in sides.items())
    return tuple(targets), reported


def _histograms(subject: Subject, reported: _Reported) -> Iterator[tuple[str, Durations]]:
    """Give each label set's histogram with its identity."""
    gateway = subject.source is Source.GATEWAY
    base = envoy.LATENCY if gateway else pods.latency(subject.metrics)
    families = {base, f"{base}_bucket"}
    groups: dict[str, list[Series]] = defaultdict(list)
    for one in reported.counters:
        if one.name in families:
            groups[reported.scraped.own(one, "le", "__name__")].append(one)
    for identity, group in groups.items():
        histogram = durations(group, envoy.MILLISECONDS if gateway else 1.0)
        if histogram.native or math.inf in histogram.classic:
            yield identity, histogram


def _is_error(subject: Subject, series: Series) -> bool:
    if subject.source is Source.GATEWAY:
        return envoy.is_error(series.labels)
    return pods.is_error(series.labels, subject.metrics)


def _unit(mean: MeanCounters, series: Series) -> str:
    return series.labels.get(mean.unit, "") if mean.unit else ""


def _newest(samples: Samples) -> float:
    return next((value for _, value in reversed(samples) if math.isfinite(value)), 0.0)
