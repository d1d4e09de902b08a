"""Where the request counts of a rollout come from, and how its series become arms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from serinus.analysis import Arm, Counter, Target, Window
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics import envoy, pods
from serinus.metrics.series import Series

DEFAULT_INTERVAL = 15.0
"""Scrape interval to assume until two scrapes were seen, in seconds."""
GONE_AFTER = 3
"""Scrape intervals without an answer after which a proxy is no longer waited for."""


class NoSource(Exception):  # noqa: N818 - a state, named as status names it
    """There are no counters to judge by; the message says what to add."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: two revisions of one model, and how their counters are found."""

    namespace: str
    name: str
    stable: str
    canary: str
    stable_slot: int
    source: Source
    metrics: RuntimeMetrics = field(default_factory=RuntimeMetrics)
    live_pods: frozenset[str] = frozenset()
    """Pods of both revisions that are expected to answer."""

    @property
    def shared_selector(self) -> str:
        """Return the selector that serves all rollouts with this source."""
        return envoy.SELECTOR if self.source is Source.GATEWAY else pods.selector(self.metrics)

    @property
    def own_selector(self) -> str:
        """Return the selector of this rollout alone."""
        if self.source is Source.GATEWAY:
            return envoy.selector_of(self.namespace, self.name)
        return pods.selector_of(self.metrics, self.namespace, self.name)


def choose(wanted: Source, controller: str, metrics: RuntimeMetrics | None) -> Source:
    """Return the source to judge by: the gateway's counters first, they see any container.

    Args:
        wanted: as the spec says.
        controller: controller of the Gateway's class, empty without a Gateway.
        metrics: counters that the pods of both revisions declare, if they do.

    Raises:
        NoSource: there is none, with what to add.
    """
    gateway = controller == envoy.CONTROLLER
    if wanted is not Source.PODS and gateway:
        return Source.GATEWAY
    if wanted is not Source.GATEWAY and metrics is not None:
        return Source.PODS
    missing = {
        Source.AUTO: "add spec.route with an Envoy Gateway, or spec.runtime.metrics with the name of the container's request counter",
        Source.GATEWAY: "spec.analysis.errorRate.source is Gateway: add spec.route with an Envoy Gateway",
        Source.PODS: "spec.analysis.errorRate.source is Pods: add spec.runtime.metrics with the name of the container's request counter",
    }
    raise NoSource(f"There are no request counters to judge by: {missing[wanted]}")


def window(subject: Subject, answer: Sequence[Series], start: float, now: float) -> Window:
    """Return what the judge looks at: this rollout's counters and the targets that report them."""
    counters = [series for series in answer if not series.is_up]
    picked = [(series, arm) for series in counters if (arm := _arm(subject, series)) is not None]
    up = [series for series in answer if series.is_up]
    targets = _targets(subject, {series.target for series, _ in picked}, up)
    return Window(
        counters=tuple(
            Counter(arm, series.target, series.key, _is_error(subject, series), series.samples)
            for series, arm in picked
            if subject.source is Source.PODS or envoy.counts(series.labels)
        ),
        targets=targets,
        start=start,
        now=now,
        interval=_interval(targets),
    )


def _arm(subject: Subject, series: Series) -> Arm | None:
    if subject.source is Source.GATEWAY:
        place = envoy.place(series.labels, subject.namespace, subject.name)
        if place is None:
            return None
        return Arm.STABLE if place == subject.stable_slot else Arm.CANARY
    return _pod_arm(subject, series)


def _pod_arm(subject: Subject, series: Series) -> Arm | None:
    revisions = (subject.stable, subject.canary)
    revision = pods.revision_of(series.labels, subject.namespace, subject.name, revisions)
    return {subject.stable: Arm.STABLE, subject.canary: Arm.CANARY}.get(revision or "")


def _is_error(subject: Subject, series: Series) -> bool:
    if subject.source is Source.GATEWAY:
        return envoy.is_error(series.labels)
    return pods.is_error(series.labels, subject.metrics)


def _targets(subject: Subject, reporting: set[str], up: Sequence[Series]) -> tuple[Target, ...]:
    if subject.source is Source.GATEWAY:
        proxies = [series for series in up if series.target in reporting]
        newest = max((series.samples[-1][0] for series in proxies), default=0.0)
        horizon = newest - GONE_AFTER * _interval([Target(s.target, None, s.samples) for s in proxies])
        return tuple(
            Target(series.target, None, series.samples, live=series.samples[-1][0] >= horizon)
            for series in sorted(proxies, key=lambda series: series.target)
        )
    own = [(series, arm) for series in up if (arm := _pod_arm(subject, series)) is not None]
    return tuple(
        Target(series.target, arm, series.samples, live=series.labels.get("pod", "") in subject.live_pods)
        for series, arm in sorted(own, key=lambda pair: pair[0].target)
    )


def _interval(targets: Iterable[Target]) -> float:
    gaps = [
        after - before
        for target in targets
        for (before, _), (after, _) in zip(target.scrapes, target.scrapes[1:], strict=False)
        if after > before
    ]
    return median(gaps) if gaps else DEFAULT_INTERVAL
