"""`spec.analysis`: how a new revision is judged, and what to do when that cannot be told."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from serinus.api import promql
from serinus.api.base import DnsLabel, LabelName, Model, SeriesName
from serinus.api.durations import AtLeastOneSecond, Duration

ERROR_RATE = "error-rate"
LATENCY = "latency"
LATENCY_OBJECTIVE = "latency-objective"
GUARD = "guard"
NOTHING_COUNTED = "NothingCounted"
"""The reason of a test of error rates that has seen no request at all."""
RESERVED = (ERROR_RATE, LATENCY, LATENCY_OBJECTIVE, GUARD)
"""Names of the built-in tests; no metric and no mean may have one of them."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class OnHold(StrEnum):
    """What to do when a hold has lasted for its limit."""

    HOLD = "Hold"
    PROMOTE = "Promote"
    ROLLBACK = "Rollback"


class Source(StrEnum):
    """Where the counters come from."""

    AUTO = "Auto"
    GATEWAY = "Gateway"
    PODS = "Pods"


class Compare(StrEnum):
    """How the canary's value is compared with stable's."""

    RATIO = "Ratio"
    DIFFERENCE = "Difference"


class Better(StrEnum):
    """Which way a mean shall go."""

    HIGHER = "Higher"
    LOWER = "Lower"


def _check_margin(margin: float, delta: float) -> None:
    if margin <= delta:
        raise ValueError(
            f"margin is {margin:g} but must be above the {delta:g} of delta: else a canary could be proven good and bad"
        )


class ErrorRate(Model):
    """Compares the share of failed requests of canary and stable.

    The canary is at fault when its error rate is above `rho` times stable's plus `delta`.
    """

    source: Source = Source.AUTO
    """Gateway counters, the pods' own, or whichever there is (the gateway's first)."""
    rho: Annotated[float, Field(ge=1, le=10)] = 1.0
    """Relative tolerance."""
    delta: Annotated[float, Field(ge=0, le=0.5)] = 0.005
    """Absolute tolerance, as a share of requests."""
    min_errors: Annotated[int, Field(ge=1, le=1000)] = 3
    """Never roll back on fewer failed canary requests than this."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """A step ends when the error rate is proven not to be worse by this share of requests; above `delta`."""

    @model_validator(mode="after")
    def _margin_is_above_delta(self) -> Self:
        _check_margin(self.margin, self.delta)
        return self


class Objective(Model):
    """A share of the canary's requests that must be fast enough, whatever stable does."""

    share: Annotated[float, Field(gt=0.5, lt=1)]
    """Share of requests, such as 0.99."""
    within: Annotated[Duration, Field(ge=0.001)]
    """Time in which they are answered. The histogram needs a bucket bound there."""


class Latency(Model):
    """Compares how long requests take, bucket by bucket of a histogram. No quantile is estimated."""

    source: Source = Source.AUTO
    """Gateway histograms, the pods' own, or whichever there is (the gateway's first)."""
    delta: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    """Share of requests by which more may be slower than a bucket bound (classic histograms)."""
    slowdown: Annotated[float, Field(ge=0, le=10)] = 0.1
    """How much slower requests may get, 0.1 being a tenth (native histograms)."""
    ignore_below: Annotated[Duration, Field(ge=0)] = 0.01
    """Bucket bounds below this are left out: faster than this is fast, whatever the difference."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """A step ends when it is proven that not this share more of requests is slower; above `delta`."""
    objective: Objective | None = None
    """A share of requests that must be fast enough: a test of its own, `latency-objective`."""
    gating: bool = True
    """A step waits for the proof. When false, latency can only take the canary back."""

    @model_validator(mode="after")
    def _margin_is_above_delta(self) -> Self:
        _check_margin(self.margin, self.delta)
        return self


class Mean(Model):
    """Compares a mean or a ratio, from counters of the pods: revenue, a score, conversions by user."""

    name: DnsLabel
    """Name in status, Events and metrics."""
    count: SeriesName
    """Counter of the values."""
    sum: SeriesName
    """Counter of the sum of the values, which must not be negative."""
    sumsq: SeriesName | None = None
    """Counter of the sum of their squares, where every value stands for itself. Set this or `unit`."""
    unit: LabelName | None = None
    """Label with the user's bucket, where the values of one user belong together. Set this or `sumsq`."""
    better: Better
    """Which way is good."""
    margin: Annotated[Finite, Field(ge=0)]
    """Tolerated difference of the means, in the metric's unit; above 0 with `gating`."""
    effect: Annotated[Finite, Field(gt=0)]
    """Difference beyond the margin that one cares about: where evidence grows fastest."""
    gating: bool = False
    """A step waits for proof that the mean is not worse by the margin."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.sumsq is None) == (self.unit is None):
            raise ValueError(
                "set sumsq or unit, not both: a mean is either of values or of users"
                if self.unit
                else "set sumsq or unit: without either nobody can know how much the values vary"
            )
        counters = [name for name in (self.count, self.sum, self.sumsq) if name]
        if len(set(counters)) < len(counters):
            raise ValueError("count, sum and sumsq must be different counters")
        if self.gating and self.margin == 0:
            raise ValueError("margin is 0 but must be above 0 with gating: an equal canary could never prove more")
        return self


class Metric(Model):
    """A PromQL query with limits.

    `$namespace`, `$name`, `$canary` and `$stable` are substituted, and `$revision` with `compare`.
    """

    name: DnsLabel
    """Name in status, Events and metrics."""
    query: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    """Instant query that gives exactly one number."""
    compare: Compare | None = None
    """Ask for both revisions, as `$revision`: the limits hold for canary / stable, or canary - stable."""
    min: Finite | None = None
    """Lowest good value."""
    max: Finite | None = None
    """Highest good value."""
    failures: Annotated[int, Field(ge=1, le=100)] = 3
    """Evaluations in a row outside the limits that make a failure."""
    interval: AtLeastOneSecond = 10.0
    """Time between two evaluations."""

    @field_validator("query")
    @classmethod
    def _can_be_asked(cls, value: str) -> str:
        promql.variables(value)
        promql.check_whole(value)
        return value

    @model_validator(mode="after")
    def _is_decidable(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("set min, max or both: a query without a limit decides nothing")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min:g} but must not be above the {self.max:g} of max")
        asks_both = "revision" in promql.variables(self.query)
        if self.compare and not asks_both:
            raise ValueError(
                f"query must contain $revision with compare {self.compare}: it is asked for both revisions"
            )
        if asks_both and not self.compare:
            raise ValueError("query contains $revision, which needs compare: use $canary or $stable, or set compare")
        return self


class PrometheusRef(Model):
    """A Prometheus other than the operator's own."""

    address: Annotated[str, StringConstraints(pattern=r"^https?://[^@?#]+$", max_length=512)]
    """URL of the server. It must be on the operator's allow-list."""


class Analysis(Model):
    """How a new revision is judged."""

    error_rate: ErrorRate = ErrorRate()
    """The sequential test of error rates."""
    guard: bool = False
    """Also test error rates on counters read from a few pods every second, whatever Prometheus' interval is; needs `runtime.metrics`."""
    latency: Latency | None = None
    """The sequential test of latencies; not judged when absent."""
    means: Annotated[list[Mean], Field(max_length=5)] = []
    """Sequential tests of means and ratios."""
    metrics: Annotated[list[Metric], Field(max_length=10)] = []
    """Queries with thresholds, beside the statistical tests and outside their alpha."""
    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.01
    """Share of healthy rollouts that all statistical tests together may roll back, over the whole rollout."""
    beta: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance that a version that is worse by a test's margin is taken for proven by that test."""
    dispersion: Annotated[float, Field(ge=1, le=100)] = 2.0
    """Variance of errors relative to independent requests: assumed where it cannot be measured, the least behind a gateway."""
    minimum_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Requests that each side must have answered in a step before the step can end."""
    on_inconclusive: OnHold = OnHold.HOLD
    """What to do when a step stays without proof for `inconclusiveAfter`, or the rollout until `maxDuration`."""
    inconclusive_after: Duration = 3600.0
    """See `onInconclusive`. Counts in each step anew."""
    max_duration: AtLeastOneSecond | None = None
    """Longest time from the first traffic to the promotion; then `onInconclusive` decides. No limit when absent."""
    on_blind: OnHold = OnHold.HOLD
    """What to do when there have been no usable metrics for `blindAfter`."""
    blind_after: Duration = 900.0
    """See `onBlind`. Counts in each step anew."""
    prometheus: PrometheusRef | None = None
    """Where to ask; the operator's own Prometheus when absent."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        named = [(f"means[{index}].name", mean.name) for index, mean in enumerate(self.means)]
        named += [(f"metrics[{index}].name", metric.name) for index, metric in enumerate(self.metrics)]
        taken: dict[str, str] = {}
        for field, name in named:
            if name in RESERVED:
                raise ValueError(f"{field} {name!r} is the name of a built-in test: give it another one")
            if name in taken:
                raise ValueError(
                    f"{field} {name!r} is used twice: give every metric its own name, {taken[name]} has this one"
                )
            taken[name] = field
        return self
