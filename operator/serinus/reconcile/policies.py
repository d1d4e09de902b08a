"""From `spec.analysis` to what the statistical tests are told to look for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, log

from serinus.analysis import MeanPolicy, Policy, RatePolicy, choose
from serinus.api.analysis import ERROR_RATE, GUARD, LATENCY, LATENCY_OBJECTIVE, Analysis, Better, Mean, Objective
from serinus.reconcile.windows import Histogram

_ALMOST = 1e-9
SLOW = 0.1
"""Share of stable's requests above a bound from which on the requests above it are the slow ones."""
MOST_BOUNDS = 12
"""Bucket bounds that are compared; each one more dilutes the others."""


class NoBound(Exception):  # noqa: N818 - a state, named as status names it
    """A histogram cannot answer what is asked of it; the message says why."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The bounds of a latency test: stable's in seconds, and by how much longer the canary's are."""

    policy: RatePolicy
    shift: float = 1.0


def policies(analysis: Analysis) -> dict[str, Policy | None]:
    """Return every statistical test by name; None where its numbers must be seen first."""
    found: dict[str, Policy | None] = {ERROR_RATE: error_rate(analysis)}
    if analysis.guard:
        found[GUARD] = replace(error_rate(analysis), gating=False)
    if analysis.latency:
        found[LATENCY] = None
        if analysis.latency.objective:
            found[LATENCY_OBJECTIVE] = None
    for mean in analysis.means:
        found[mean.name] = None if mean.unit else mean_policy(analysis, mean, 0)
    return found


def error_rate(analysis: Analysis) -> RatePolicy:
    """Return what the test of error rates looks for."""
    rate = analysis.error_rate
    return RatePolicy(
        rho=rate.rho,
        delta=rate.delta,
        margin=rate.margin,
        beta=analysis.beta,
        min_errors=rate.min_errors,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
    )


def latency(analysis: Analysis, histogram: Histogram) -> Ladder:
    """Return what the test of latencies looks for, at the bounds that the histograms have.

    Exponential bounds are so dense that the tolerance can be a time: the canary's share above a
    bound some steps up is compared with stable's above the bound itself. Other bounds are wide
    apart, and the tolerance is a share of the requests.
    """
    wanted = analysis.latency
    if wanted is None:
        raise NoBound("spec.analysis.latency is not set")
    least = wanted.ignore_below * (1.0 - 1e-6)
    counted = [(bound, slow) for bound, slow in zip(histogram.bounds, histogram.slower, strict=True) if bound >= least]
    bounds = choose([bound for bound, _ in counted], [slow for _, slow in counted], histogram.requests, MOST_BOUNDS)
    if not bounds:
        told = ", ".join(f"{bound:g}" for bound in histogram.bounds)
        raise NoBound(
            f"no bucket tells fast from slow at {wanted.ignore_below:g} s (latency.ignoreBelow) or above: they end at {told} s"
        )
    steps = floor(log(1.0 + wanted.slowdown) / log(histogram.growth) + _ALMOST) if histogram.growth else 0
    policy = RatePolicy(
        delta=0.0 if steps else wanted.delta,
        margin=wanted.margin,
        beta=analysis.beta,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
        bounds=bounds,
        first_proven=_first_slow(bounds, dict(counted), histogram.requests),
        gating=wanted.gating,
    )
    return Ladder(policy, histogram.growth**steps if histogram.growth else 1.0)


def objective(analysis: Analysis, histogram: Histogram) -> Ladder:
    """Return what the test of the absolute objective looks for.

    Raises:
        NoBound: no bucket of the histogram ends where the objective does.
    """
    wanted = analysis.latency.objective if analysis.latency else None
    if wanted is None or analysis.latency is None:
        raise NoBound("spec.analysis.latency.objective is not set")
    allowed = 1.0 - wanted.share
    policy = RatePolicy(
        rho=0.0,
        delta=allowed,
        margin=allowed,
        beta=analysis.beta,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
        bounds=(_bound(wanted, histogram),),
        gating=analysis.latency.gating,
    )
    return Ladder(policy)


def mean_policy(analysis: Analysis, mean: Mean, units: int) -> MeanPolicy:
    """Return what the test of a mean looks for; `units` user buckets, or 0 without such a label.

    Raises:
        ValueError: there are too few user buckets.
    """
    return MeanPolicy(
        higher_is_better=mean.better is Better.HIGHER,
        margin=mean.margin,
        effect=mean.effect,
        beta=analysis.beta,
        units=units,
        gating=mean.gating,
    )


def _first_slow(bounds: Sequence[float], slower: Mapping[float, float], requests: float) -> int:
    """Return the first bound that only slow requests exceed; the last one where all do."""
    slow = (index for index, bound in enumerate(bounds) if slower[bound] <= SLOW * requests)
    return next(slow, len(bounds) - 1)


def _bound(wanted: Objective, histogram: Histogram) -> float:
    """Return the bound at the objective; of exponential bounds the next one up, they are dense."""
    above = [bound for bound in histogram.bounds if bound >= wanted.within * (1.0 - 1e-6)]
    if above and (histogram.growth or above[0] <= wanted.within * (1.0 + 1e-6)):
        return above[0]
    told = ", ".join(f"{bound:g}" for bound in histogram.bounds)
    raise NoBound(
        f"no bucket ends at {wanted.within:g} s, which spec.analysis.latency.objective needs: they end at {told} s"
    )
