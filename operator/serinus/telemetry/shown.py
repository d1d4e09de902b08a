"""What status says, as metrics: made when somebody asks, so that a look at a rollout costs nothing.

Series live as long as what they tell stands in status: those of a rollout's metrics until
the next rollout is prepared, all of them until the ModelDeployment is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serinus.analysis import Outcome
from serinus.api import conditions
from serinus.api.status import Condition, MetricStatus, Status

_MODEL = ("namespace", "name")
_METRIC = (*_MODEL, "metric")
_SIDES = ("canary", "stable")
_WRONG_WHEN = {
    **dict.fromkeys((conditions.DEGRADED, conditions.STALLED, conditions.PAUSED), "True"),
    **dict.fromkeys(
        (
            conditions.AVAILABLE,
            conditions.METRICS_AVAILABLE,
            conditions.IMAGE_FIXED,
            conditions.SCALING_ACTIVE,
            conditions.MODEL_RESOLVED,
        ),
        "False",
    ),
}
"""The conditions that somebody may want to hear of, and when: a model that is well takes no series."""

_NUMBERS = {
    "evidence": "E-value against the canary; it is taken back at the threshold",
    "threshold": "Evidence at which the canary is taken back",
    "proof": "E-value for the canary not being worse by the margin; proven at the proof threshold",
    "proof_threshold": "Proof at which the canary is proven not to be worse",
    "dispersion": "Variance of errors relative to independent requests",
    "value": "Value of a query",
}
_PER_SIDE = {
    "requests": "Requests since the rollout began",
    "errors": "Bad requests since the rollout began",
    "rate": "Share of bad requests, or the mean",
}

Labels = tuple[str, ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of one status that is shown."""

    phase: str
    weight: int
    blind: bool
    revisions: tuple[Labels, ...]
    """Each live one, as what it serves and which it is."""
    problems: tuple[Labels, ...]
    """The type of each condition that is not as it should be, and its reason."""
    metrics: tuple[MetricStatus, ...]


@dataclass(slots=True, eq=False)
class StatusCollector(Collector):
    """The newest status of every ModelDeployment."""

    _shown: dict[Labels, Shown] = field(default_factory=dict)

    def show(self, namespace: str, name: str, status: Status) -> None:
        """Show a status from now on."""
        blind = status.rollout is not None and status.rollout.hold == "Blind"
        live = {"stable": status.stable, "canary": status.canary, "previous": status.previous}
        self._shown[namespace, name] = Shown(
            status.phase,
            status.weight,
            blind,
            tuple((side, one.revision) for side, one in live.items() if one),
            tuple((one.type, one.reason) for one in status.conditions if _is_wrong(one)),
            tuple(status.metrics),
        )

    def forget(self, namespace: str, name: str) -> None:
        """Show nothing of a ModelDeployment any more."""
        self._shown.pop((namespace, name), None)

    def clear(self) -> None:
        """Show nothing of any ModelDeployment until it is shown again."""
        self._shown.clear()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the families without samples."""
        return _families([])

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return all families, from another thread than the one that shows."""
        return _families(list(self._shown.items()))


def _families(shown: Sequence[tuple[Labels, Shown]]) -> Iterator[GaugeMetricFamily]:
    phases = (((*key, one.phase), 1.0) for key, one in shown if one.phase)
    yield _family("rollout_phase", "1 for the phase that a ModelDeployment is in", (*_MODEL, "phase"), phases)
    weights = ((key, float(one.weight)) for key, one in shown)
    yield _family("rollout_weight", "Percent of traffic for the newer revision", _MODEL, weights)
    revisions = (((*key, *found), 1.0) for key, one in shown for found in one.revisions)
    yield _family("rollout_revision", "1 for each live revision and its side", (*_MODEL, "side", "revision"), revisions)
    problems = (((*key, *found), 1.0) for key, one in shown for found in one.problems)
    told = "1 for each condition that is not as it should be"
    yield _family("rollout_condition", told, (*_MODEL, "type", "reason"), problems)
    blind = ((key, float(one.blind)) for key, one in shown)
    yield _family("analysis_blind", "1 while there are no usable metrics", _MODEL, blind)

    metrics = [((*key, metric.name), metric) for key, one in shown for metric in one.metrics]
    outcomes = (((*key, one), float(one == metric.outcome)) for key, metric in metrics for one in Outcome)
    yield _family("analysis_outcome", "1 for the outcome that a metric has", (*_METRIC, "outcome"), outcomes)
    for name, told in _NUMBERS.items():
        yield _family(
            f"analysis_{name}", told, _METRIC, _known((key, getattr(metric, name)) for key, metric in metrics)
        )
    for name, told in _PER_SIDE.items():
        values = (((*key, side), getattr(metric, f"{side}_{name}")) for key, metric in metrics for side in _SIDES)
        yield _family(f"analysis_{name}", told, (*_METRIC, "side"), _known(values))
    ends = (
        ((*key, side, end), getattr(metric, f"{side}_{end}"))
        for key, metric in metrics
        for side in _SIDES
        for end in ("low", "high")
    )
    yield _family(
        "analysis_interval", "Ends of the rate's always-valid interval", (*_METRIC, "side", "end"), _known(ends)
    )


def _is_wrong(condition: Condition) -> bool:
    return _WRONG_WHEN.get(condition.type) == condition.status


def _known(samples: Iterable[tuple[Labels, float | None]]) -> Iterator[Sample]:
    return ((labels, value) for labels, value in samples if value is not None)


def _family(name: str, told: str, labels: Labels, samples: Iterable[Sample]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"serinus_{name}", told, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
