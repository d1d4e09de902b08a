"""From a policy and what was recorded to a tape: which tests there are, and what each of them reads.

What the policy asks for and the samples do not hold is left out, with the reason. Every test that
is left out lowers the limits of the others, as it would in a policy without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from serinus.analysis import Policy, Weight, Window
from serinus.api.analysis import ERROR_RATE, GUARD, LATENCY, LATENCY_OBJECTIVE, Analysis, Mean
from serinus.cli.lines import Broken
from serinus.cli.tape import Tape
from serinus.reconcile import policies
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


@dataclass(slots=True)
class _Draft:
    """A tape in the making."""

    windows: dict[str, Window] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, policy: Policy, window: Window) -> None:
        self.policies[name], self.windows[name] = policy, window


def plan(analysis: Analysis, source: Source, weights: tuple[Weight, ...]) -> Tape:
    """Return the tape of a policy.

    Raises:
        Broken: nothing that the policy judges was recorded.
    """
    draft = _Draft()
    if errors := source.errors():
        draft.add(ERROR_RATE, policies.error_rate(analysis), errors)
    else:
        draft.left_out[ERROR_RATE] = "there are no counters of requests and errors"
    if analysis.guard:
        draft.left_out[GUARD] = "what a guard reads of the pods is not recorded"
    if analysis.latency:
        _add_latency(draft, analysis, source)
    for mean in analysis.means:
        _add_mean(draft, analysis, mean, source)
    draft.left_out.update({metric.name: "a PromQL query cannot be replayed" for metric in analysis.metrics})
    if not draft.policies:
        told = "; ".join(f"{name}: {reason}" for name, reason in draft.left_out.items())
        raise Broken(f"holds nothing that the policy judges: {told}")
    return Tape(draft.policies, draft.windows, analysis.alpha, weights, draft.left_out)


def _add_latency(draft: _Draft, analysis: Analysis, source: Source) -> None:
    wanted = {LATENCY: policies.latency}
    if analysis.latency and analysis.latency.objective:
        wanted[LATENCY_OBJECTIVE] = policies.objective
    histogram = source.histogram()
    for name, ladder_of in wanted.items():
        if histogram is None:
            draft.left_out[name] = "there are no histograms of both sides"
            continue
        try:
            ladder = ladder_of(analysis, histogram)
        except policies.NoBound as error:
            draft.left_out[name] = str(error)
        else:
            draft.add(name, ladder.policy, source.latency(ladder.policy.bounds, ladder.shift))


def _add_mean(draft: _Draft, analysis: Analysis, mean: Mean, source: Source) -> None:
    found = source.mean(mean)
    if found is None:
        draft.left_out[mean.name] = "there are no counters of this mean"
        return
    window, units = found
    try:
        draft.add(mean.name, policies.mean_policy(analysis, mean, units), window)
    except ValueError as error:
        draft.left_out[mean.name] = str(error)
