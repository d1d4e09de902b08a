"""From a policy and what was recorded to a tape: which tests there are, and what each of them reads.

What the policy asks for and the samples do not hold is left out, with the reason. Every test that
is left out makes the limits of the others lower, as it would in a policy without it.
"""

from __future__ import annotations

from typing import Protocol

from serinus.analysis import MeanPolicy, Policy, RatePolicy, Weight, Window, choose
from serinus.api.analysis import ERROR_RATE, LATENCY, LATENCY_OBJECTIVE, Analysis, Better, Mean
from serinus.cli.lines import Broken
from serinus.cli.tape import Tape
from serinus.reconcile.windows import Histogram


class Source(Protocol):
    """Where samples come from."""

    def errors(self) -> Window | None:
        """Return the window of answers and failed answers, if there are such counters."""

    def histogram(self) -> Histogram | None:
        """Return what latency bounds are chosen from, if there are histograms."""

    def latency(self, bounds: tuple[float, ...], shift: float) -> Window:
        """Return the window of requests by latency, the canary's bounds being `shift` times stable's."""

    def mean(self, mean: Mean) -> tuple[Window, int] | None:
        """Return the window of a mean and how many user buckets it has, if it is there."""


def plan(analysis: Analysis, source: Source, weights: tuple[Weight, ...]) -> Tape:
    """Return the tape of a policy.

    Raises:
        Broken: nothing that the policy judges was recorded.
    """
    windows: dict[str, Window] = {}
    policies: dict[str, Policy] = {}
    left_out: dict[str, str] = {}
    errors = source.errors()
    if errors is None:
        left_out[ERROR_RATE] = "there are no counters of requests and errors"
    else:
        windows[ERROR_RATE], policies[ERROR_RATE] = errors, _error_rate(analysis)
    _add_latency(analysis, source, windows, policies, left_out)
    for mean in analysis.means:
        _add_mean(analysis, mean, source, windows, policies, left_out)
    left_out.update({metric.name: "a PromQL query cannot be replayed" for metric in analysis.metrics})
    if not policies:
        raise Broken(f"holds nothing that the policy judges: {'; '.join(map(': '.join, left_out.items()))}")
    return Tape(policies, windows, analysis.alpha, weights, left_out)


def _error_rate(analysis: Analysis) -> RatePolicy:
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


def _add_latency(
    analysis: Analysis,
    source: Source,
    windows: dict[str, Window],
    policies: dict[str, Policy],
    left_out: dict[str, str],
) -> None:
    if analysis.latency is None:
        return
    names = [LATENCY, LATENCY_OBJECTIVE] if analysis.latency.objective else [LATENCY]
    found = source.histogram()
    for name in names:
        if found is None:
            left_out[name] = "there are no histograms"
            continue
        test = _latency(analysis, found) if name == LATENCY else _objective(analysis, found)
        if isinstance(test, str):
            left_out[name] = test
        else:
            policies[name], shift = test
            windows[name] = source.latency(policies[name].bounds, shift)


def _add_mean(  # noqa: PLR0913, PLR0917 - what is known, and the three results
    analysis: Analysis,
    mean: Mean,
    source: Source,
    windows: dict[str, Window],
    policies: dict[str, Policy],
    left_out: dict[str, str],
) -> None:
    found = source.mean(mean)
    if found is None:
        left_out[mean.name] = "there are no counters of this mean"
        return
    window, units = found
    try:
        policies[mean.name] = _mean(analysis, mean, units)
    except ValueError as error:
        left_out[mean.name] = str(error)
    else:
        windows[mean.name] = window


def _latency(analysis: Analysis, found: Histogram) -> tuple[Policy, float] | str:
    latency = analysis.latency
    assert latency is not None
    bounds = choose(found.bounds, found.slower, found.requests)
    if not bounds:
        return "no bound of the histogram tells anything: nearly all requests are slower than the largest"
    shift, delta = 1.0, latency.delta
    return RatePolicy(
        delta=delta,
        margin=latency.margin,
        beta=analysis.beta,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
        bounds=bounds,
        gating=latency.gating,
    ), shift


def _objective(analysis: Analysis, found: Histogram) -> tuple[Policy, float] | str:
    latency = analysis.latency
    assert latency is not None
    objective = latency.objective
    assert objective is not None
    near = [bound for bound in found.bounds if abs(bound - objective.within) < 1e-9]
    if not near:
        return f"{objective.within:g} s is no bound of the histogram, which has {', '.join(f'{b:g}' for b in found.bounds)}"
    return RatePolicy(
        rho=0.0,
        delta=1.0 - objective.share,
        margin=latency.margin,
        beta=analysis.beta,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
        bounds=(near[0],),
        gating=latency.gating,
    ), 1.0


def _mean(analysis: Analysis, mean: Mean, units: int) -> Policy:
    return MeanPolicy(
        higher_is_better=mean.better is Better.HIGHER,
        margin=mean.margin,
        effect=mean.effect,
        beta=analysis.beta,
        units=units,
        gating=mean.gating,
    )
