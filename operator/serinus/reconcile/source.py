"""Where the numbers of a rollout come from: the queries that find them, and whose they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from serinus.analysis import Arm
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics import envoy, pods
from serinus.metrics.scrapes import DEFAULT_INTERVAL

__all__ = ["DEFAULT_INTERVAL", "MeanCounters", "NoSource", "Selectors", "Subject", "choose"]


class NoSource(Exception):  # noqa: N818 - a state, named as status names it
    """There are no counters to judge by; the message says what to add."""


class Selectors(NamedTuple):
    """How a family is found: for all rollouts at once, and for one. Each also finds `up`."""

    shared: str
    own: str


class MeanCounters(Protocol):
    """The counters that a mean is made of: names of families, and the label of the user bucket."""

    @property
    def count(self) -> str:
        """How many."""

    @property
    def sum(self) -> str:
        """Their sum."""

    @property
    def sumsq(self) -> str | None:
        """The sum of their squares."""

    @property
    def unit(self) -> str | None:
        """The label of the user bucket."""


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
    """What the canary's pods count under."""
    stable_metrics: RuntimeMetrics | None = None
    """What stable's do; None for the same. Another runtime counts under other names."""
    live_pods: frozenset[str] = field(default=frozenset(), compare=False)
    """Pods of both revisions that are expected to answer."""

    def metrics_of(self, arm: Arm) -> RuntimeMetrics:
        """Return what the pods of one arm count under."""
        return self.stable_metrics or self.metrics if arm is Arm.STABLE else self.metrics

    @property
    def counters(self) -> tuple[str, ...]:
        """Return the names of the pods' request counters, of both arms."""
        found = (part for arm in Arm for part in pods.parts(self.metrics_of(arm)))
        return tuple(dict.fromkeys(name for part in found for name in pods.requests(part)))

    @property
    def histograms(self) -> tuple[str, ...]:
        """Return the base names of the pods' histograms of durations, of both arms."""
        return tuple(dict.fromkeys(pods.latency(part) for arm in Arm for part in pods.parts(self.metrics_of(arm))))

    @property
    def errors(self) -> Selectors:
        """Return how the counters of answers are found."""
        if self.source is Source.GATEWAY:
            return Selectors(envoy.SELECTOR, envoy.selector_of(self.namespace, self.name))
        return self._in_pods(*self.counters)

    @property
    def latency(self) -> Selectors:
        """Return how the histograms of durations are found."""
        if self.source is Source.GATEWAY:
            return Selectors(envoy.LATENCY_SELECTOR, envoy.latency_selector_of(self.namespace, self.name))
        return self._in_pods(*(form for name in self.histograms for form in (name, f"{name}_bucket")))

    def mean(self, mean: MeanCounters) -> Selectors:
        """Return how the counters of a mean are found: always in pods, whatever the source."""
        return self._in_pods(mean.count, mean.sum, *([mean.sumsq] if mean.sumsq else []))

    @property
    def clusters(self) -> dict[str, Arm]:
        """Return whose each of the proxies' clusters is."""
        arms = (Arm.STABLE, Arm.CANARY) if self.stable_slot == 0 else (Arm.CANARY, Arm.STABLE)
        return {cluster: arms[place] for cluster, place in envoy.clusters(self.namespace, self.name).items()}

    def pod_arm(self, labels: Mapping[str, str]) -> Arm | None:
        """Return whose pod a series or target belongs to, or None when to none."""
        revisions = {self.stable: Arm.STABLE, self.canary: Arm.CANARY}
        revision = pods.revision_of(labels, self.namespace, self.name, revisions)
        return None if revision is None else revisions[revision]

    def _in_pods(self, *families: str) -> Selectors:
        return Selectors(pods.selector(*families), pods.selector_of(self.namespace, self.name, *families))


def choose(
    wanted: Source,
    controller: str,
    declared: Sequence[RuntimeMetrics],
    field_name: str = "errorRate",
    section: str = "runtime.metrics",
) -> Source:
    """Return the source to judge by: the gateway's counters first, they see any container.

    Args:
        wanted: as the spec says.
        controller: controller of the Gateway's class, empty without a Gateway.
        declared: counters that the pods of the revisions declare; none where one of them does not.
        field_name: the part of spec.analysis that is asked for.
        section: where the spec names the counters that are missing.

    Raises:
        NoSource: there is none, with what to add.
    """
    gateway = controller == envoy.CONTROLLER
    if wanted is not Source.PODS and gateway:
        return Source.GATEWAY
    timed = [all(part.latency != "" for part in pods.parts(metrics)) for metrics in declared]
    told = [metrics for metrics, is_timed in zip(declared, timed, strict=True) if field_name != "latency" or is_timed]
    if wanted is not Source.GATEWAY and told and len(told) == len(declared):
        return Source.PODS
    counters, own = "request counters", f"{section} with the name of the container's request counter"
    if field_name == "latency":
        counters, own = "latencies", f"{section}.latency with the name of the container's histogram"
    missing = {
        Source.AUTO: f"add spec.route with an Envoy Gateway, or spec.{own}",
        Source.GATEWAY: f"spec.analysis.{field_name}.source is Gateway: add spec.route with an Envoy Gateway",
        Source.PODS: f"spec.analysis.{field_name}.source is Pods: add spec.{own}",
    }
    raise NoSource(f"There are no {counters} to judge by: {missing[wanted]}")
