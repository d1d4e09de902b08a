"""Where in an answer the numbers of a window stand: whose each series is, and which number it counts.

That follows from the label sets alone, which come again with every answer; only the samples are new.
Each endpoint (a pod, a proxy) serves once, however many jobs scrape it. Keys are made of the
container's own labels, so that no two counters of an endpoint share one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, is_
from typing import NamedTuple

from serinus.analysis import Arm, Counter, Target, Window
from serinus.api.v1alpha1 import Source
from serinus.metrics.histograms import Samples, recent
from serinus.metrics.scrapes import Scraped, endpoints, interval_of
from serinus.metrics.series import Series
from serinus.reconcile.source import Subject

GONE_AFTER = 3
"""Scrape intervals without an answer after which a proxy is no longer waited for."""
_labels = attrgetter("labels")


def plain(series: Series, start: float) -> Samples:
    """Return the samples of a counter since a time."""
    return recent(series.samples, start)


def _last(samples: Samples) -> float:
    return samples[-1][0] if samples else 0.0


class Reported(NamedTuple):
    """The counters of one arm that one endpoint reported."""

    arm: Arm
    scraped: Scraped
    counters: list[Series]


class Slot(NamedTuple):
    """One number of the metric: the series that tells it, and how."""

    arm: Arm
    target: str
    key: str
    cell: int
    place: int
    take: Callable[[Series, float], Samples] = plain


class _Stand(NamedTuple):
    """One target; `pod` is empty for a proxy."""

    name: str
    arm: Arm | None
    pod: str
    place: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the numbers of one test stand in an answer with these label sets.

    It lasts as long as the label sets, the very same objects, unless several jobs scrape an
    endpoint: which of them serves depends on their samples.
    """

    labels: tuple[Mapping[str, str], ...]
    stands: tuple[_Stand, ...]
    slots: tuple[Slot, ...]
    lasting: bool

    def fits(self, series: Sequence[Series]) -> bool:
        """Tell whether an answer's numbers stand here too."""
        if not self.lasting or len(series) != len(self.labels):
            return False
        return all(map(is_, map(_labels, series), self.labels))

    def window(self, live_pods: frozenset[str], series: Sequence[Series], start: float, now: float) -> Window:
        """Return what an answer of this layout shows from `start` to `now`; `live_pods` are expected to answer."""
        scrapes = [series[stand.place].samples for stand in self.stands]
        interval = interval_of(scrapes)
        horizon = max(map(_last, scrapes), default=0.0) - GONE_AFTER * interval
        targets = [
            Target(stand.name, stand.arm, samples, stand.pod in live_pods if stand.pod else _last(samples) >= horizon)
            for stand, samples in zip(self.stands, scrapes, strict=True)
        ]
        counters = [
            Counter(arm, target, key, cell, take(series[place], start))
            for arm, target, key, cell, place, take in self.slots
        ]
        return Window(tuple(counters), tuple(targets), start, now, interval)


class Reading:
    """The endpoints of an answer and what they reported of each arm: what a layout is made of."""

    def __init__(self, subject: Subject, series: Sequence[Series], source: Source) -> None:
        """Look at an answer; pods or proxies are the endpoints, as the source says."""
        self._series = series
        self._places = {id(one): place for place, one in enumerate(series)}
        self._stands: list[_Stand] = []
        self._lasting = True
        self.reported: list[Reported] = []
        (self._read_proxies if source is Source.GATEWAY else self._read_pods)(subject)

    def slot(
        self,
        one: Reported,
        identity: str,
        cell: int,
        series: Series,
        take: Callable[[Series, float], Samples] = plain,
    ) -> Slot:
        """Return one number of the metric."""
        return Slot(one.arm, one.scraped.endpoint, f"{identity}#{cell}", cell, self._places[id(series)], take)

    def layout(self, slots: Iterable[Slot]) -> Layout:
        """Return where these numbers stand."""
        labels = tuple([one.labels for one in self._series])
        return Layout(labels, tuple(self._stands), tuple(slots), self._lasting)

    def _read_pods(self, subject: Subject) -> None:
        """Take the pods of both revisions as targets."""
        arms: dict[str, Arm | None] = {}
        counters: list[Series] = []
        ups: list[Series] = []
        for one in self._series:
            if one.labels.get("namespace") != subject.namespace or not (pod := one.labels.get("pod", "")):
                continue
            if pod not in arms:
                arms[pod] = subject.pod_arm(one.labels)
            if arms[pod] is not None:
                (ups if one.is_up else counters).append(one)
        for scraped in self._endpoints(counters, ups):
            pod = scraped.up.labels["pod"]
            arm = arms[pod]
            if arm is not None:
                self._stand(scraped, arm, pod)
                self.reported.append(Reported(arm, scraped, list(scraped.counters)))

    def _read_proxies(self, subject: Subject) -> None:
        """Take the proxies that have counters of the route as targets; each reports both arms."""
        clusters = subject.clusters
        counters = [one for one in self._series if one.labels.get("envoy_cluster_name", "") in clusters]
        reporting = {(one.labels.get("job", ""), one.labels.get("instance", "")) for one in counters}
        ups = [one for one in self._series if one.is_up and one.samples and one.target in reporting]
        for scraped in self._endpoints(counters, ups):
            self._stand(scraped, None, "")
            sides: dict[Arm, list[Series]] = {Arm.STABLE: [], Arm.CANARY: []}
            for one in scraped.counters:
                sides[clusters[one.labels["envoy_cluster_name"]]].append(one)
            self.reported.extend(Reported(arm, scraped, side) for arm, side in sides.items())

    def _endpoints(self, counters: Sequence[Series], ups: Sequence[Series]) -> list[Scraped]:
        found = endpoints(counters, ups)
        self._lasting = len(found) == len(ups)
        return found

    def _stand(self, scraped: Scraped, arm: Arm | None, pod: str) -> None:
        self._stands.append(_Stand(scraped.endpoint, arm, pod, self._places[id(scraped.up)]))
