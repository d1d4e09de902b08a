"""What was scraped: counters joined with the `up` of their target, each endpoint once.

Two jobs that scrape the same pod, or two replicas of Prometheus behind one address, hold every
request twice. One of them serves, the other is left out; an endpoint is known by its pod, or by its
address where there is no pod. Its counters are known by the labels that are the container's own, not
the target's, so that it goes on counting where another job takes over.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from serinus.metrics.series import Series

DEFAULT_INTERVAL = 15.0
"""Scrape interval to assume until two scrapes were seen, in seconds."""
_LATE = 3
"""Scrape intervals that a job may be behind another one of the same endpoint before that one serves."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """One endpoint: its name, when it was scraped, and the counters that it reported."""

    endpoint: str
    up: Series
    counters: Sequence[Series]
    _names: dict[tuple[str, ...], list[tuple[str, str]]] = field(default_factory=dict)

    def own(self, series: Series, *left_out: str) -> str:
        """Return the identity of a counter within the endpoint."""
        shape = (*series.labels, *left_out)
        names = self._names.get(shape)
        if names is None:
            strange = self.up.labels.keys() | set(left_out)
            own = sorted(name for name in series.labels if name not in strange)
            names = self._names[shape] = [(name, name if name.isidentifier() else repr(name)) for name in own]
        return "{" + ", ".join([f"{shown}={series.labels[name]!r}" for name, shown in names]) + "}"


def endpoints(counters: Iterable[Series], ups: Sequence[Series]) -> list[Scraped]:
    """Return each endpoint that a target was scraped at once, in order of their names."""
    reported, rivals = _reported(counters, ups), defaultdict(list)
    for place, name in enumerate(_names(ups)):
        rivals[name].append(place)
    found = []
    for name in sorted(rivals):
        newest = max(_newest(ups[place]) for place in rivals[name])
        best = min(rivals[name], key=lambda place: _rank(ups[place], reported[place], newest))
        found.append(Scraped(name, ups[best], reported[best]))
    return found


def interval_of(scrapes: Iterable[Sequence[tuple[float, float]]]) -> float:
    """Return the usual gap between two scrapes of a target, to a tenth of a second.

    Scrapes are late by milliseconds; rollouts that disagreed about those would ask different questions.
    """
    gaps = [after - before for times in scrapes for (before, _), (after, _) in pairwise(times) if after > before]
    usual = median(gaps) if gaps else DEFAULT_INTERVAL
    return round(usual, 1) or usual


def _reported(counters: Iterable[Series], ups: Sequence[Series]) -> list[list[Series]]:
    """Return the counters of each target: those that carry all of its labels."""
    by_target: dict[tuple[str, str], Sequence[int]] = {}
    for place, up in enumerate(ups):
        by_target[up.target] = (*by_target.get(up.target, ()), place)
    reported: list[list[Series]] = [[] for _ in ups]
    for series in counters:
        labels = series.labels
        places = by_target.get((labels.get("job", ""), labels.get("instance", "")), ())
        if len(places) > 1:
            places = [place for place in places if _carries(labels, ups[place].labels)]
        if places:
            reported[places[0]].append(series)
    return reported


def _carries(labels: Mapping[str, str], target: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in target.items() if name != "__name__")


def _names(ups: Sequence[Series]) -> list[str]:
    pods = [f"{up.labels.get('namespace', '')}/{up.labels['pod']}" if up.labels.get("pod") else None for up in ups]
    at = {up.labels.get("instance", ""): pod for up, pod in zip(ups, pods, strict=True) if pod}
    return [
        pod or at.get(up.labels.get("instance", "")) or up.labels.get("instance", "")
        for up, pod in zip(ups, pods, strict=True)
    ]


def _newest(up: Series) -> float:
    return up.samples[-1][0] if up.samples else 0.0


def _rank(up: Series, reported: Sequence[Series], newest: float) -> tuple[bool, bool, str, str, list[tuple[str, str]]]:
    """Order rivals for an endpoint: fresh ones that report something first, else always the same one.

    The port decides before the address, so that all pods are read through the same one of two.
    """
    job, instance = up.target
    late = _newest(up) < newest - _LATE * interval_of([up.samples])
    return late, not reported, job, instance.rpartition(":")[2], sorted(up.labels.items())
