"""What each statistical test of a rollout reads: its query, and how its answer becomes a window."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.analysis import Assessment, Outcome, Policy, RatePolicy
from serinus.api.analysis import ERROR_RATE, GUARD, LATENCY, LATENCY_OBJECTIVE, NOTHING_COUNTED, Analysis, Mean, Source
from serinus.metrics import envoy
from serinus.metrics.series import Series
from serinus.reconcile import policies
from serinus.reconcile.guard import Guard
from serinus.reconcile.layout import Layout
from serinus.reconcile.policies import NoBound
from serinus.reconcile.source import Selectors, Subject
from serinus.reconcile.windows import error_layout, histogram_of, latency_layout, mean_layout, units_of


@dataclass(frozen=True, slots=True)
class Pins:
    """What was settled when the counters were first seen, and stays for the rollout.

    `shifts` tells by how much longer the canary's latency bounds are, `units` the user buckets.
    """

    shifts: dict[str, float] = field(default_factory=dict)
    units: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> "Pins":
        """Return the pins that status kept."""
        units = {name: tuple(found) for name, found in record.get("units", {}).items()}
        return cls(dict(record.get("shifts", {})), units)

    @property
    def record(self) -> dict[str, Any]:
        """Return what status keeps of them."""
        return {"shifts": self.shifts, "units": {name: list(found) for name, found in self.units.items()}}


@dataclass(frozen=True, slots=True)
class Feed:
    """One test's source."""

    name: str
    subject: Subject
    analysis: Analysis
    mean: Mean | None = None
    guard: Guard | None = None
    """Where its counters are read, if not from Prometheus."""

    @property
    def selectors(self) -> Selectors:
        """Return the queries for its counters."""
        if self.mean:
            return self.subject.mean(self.mean)
        return self.subject.errors if self.name == ERROR_RATE else self.subject.latency

    @property
    def gating(self) -> bool:
        """Tell whether steps wait for this test's proof."""
        if self.guard:
            return False
        if self.mean:
            return self.mean.gating
        return self.name == ERROR_RATE or self.analysis.latency is None or self.analysis.latency.gating

    @property
    def source(self) -> str:
        """Return where its counters come from, as status says it."""
        if self.guard:
            return "Direct"
        return Source.PODS if self.mean else self.subject.source

    @property
    def missing(self) -> str:
        """Return what is wanted of Prometheus and by which field, for people."""
        if self.mean:
            label = f" with the label {self.mean.unit}" if self.mean.unit else ""
            return (
                f"spec.analysis.means, {self.name}: no {self.mean.count} and {self.mean.sum}{label} of both sides yet"
            )
        if self.name == ERROR_RATE:
            return "spec.analysis.errorRate: no counters of both sides yet"
        gateway = self.subject.source is Source.GATEWAY
        family = envoy.LATENCY if gateway else " and ".join(self.subject.histograms)
        return f"spec.analysis.latency: no histogram {family} with common buckets on both sides yet"

    def explained(self, seen: Assessment) -> Assessment:
        """Say where to look when neither side has counted a request: a wrong name looks like an idle model."""
        told = seen.canary.requests or seen.stable.requests
        if self.name != ERROR_RATE or seen.outcome is not Outcome.INCONCLUSIVE or told:
            return seen
        message = "No request of either side was counted"
        if self.subject.source is Source.PODS:
            names = " and ".join(self.subject.counters)
            message += f" in {names}: nobody calls the model, or its pods count under another name, port or path than runtime.metrics or the catalogue says"
        else:
            message += " by the gateway: nobody calls the model"
        return replace(seen, reason=NOTHING_COUNTED, message=f"{message}.")

    def settle(self, series: Sequence[Series], pins: Pins) -> tuple[Policy, Pins] | None:
        """Return the policy of a test that had to see its counters first; None while there are none.

        Raises:
            NoBound: they cannot answer what is asked; the message says why.
        """
        if self.mean:
            units = units_of(self.subject, self.mean, series)
            if not units:
                return None
            try:
                policy = policies.mean_policy(self.analysis, self.mean, len(units))
            except ValueError as error:
                raise NoBound(f"{len(units)} values of label {self.mean.unit}: {error}") from error
            return policy, replace(pins, units={**pins.units, self.name: units})
        histogram = histogram_of(self.subject, series)
        if histogram is None:
            return None
        ladder = (policies.latency if self.name == LATENCY else policies.objective)(self.analysis, histogram)
        return ladder.policy, replace(pins, shifts={**pins.shifts, self.name: ladder.shift})

    def layout(self, policy: Policy, series: Sequence[Series], pins: Pins) -> Layout:
        """Return where in an answer the numbers stand that the test looks at."""
        if self.mean:
            return mean_layout(self.subject, self.mean, series, pins.units.get(self.name, ()))
        if isinstance(policy, RatePolicy) and policy.bounds:
            return latency_layout(self.subject, series, policy.bounds, pins.shifts.get(self.name, 1.0))
        return error_layout(self.subject, series)


def feeds(analysis: Analysis, errors: Subject, latency: Subject, guard: Guard | None = None) -> list[Feed]:
    """Return the source of every statistical test of the spec."""
    found = [Feed(ERROR_RATE, errors, analysis)]
    if guard:
        found.append(Feed(GUARD, replace(errors, source=Source.PODS), analysis, guard=guard))
    if analysis.latency:
        found.append(Feed(LATENCY, latency, analysis))
        if analysis.latency.objective:
            found.append(Feed(LATENCY_OBJECTIVE, latency, analysis))
    found.extend(Feed(mean.name, errors, analysis, mean) for mean in analysis.means)
    return found
