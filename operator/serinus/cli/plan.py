"""From a policy and what was recorded to a tape: which tests there are, and what each of them reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from serinus.analysis import MeanPolicy, Policy, RatePolicy, Weight, Window, choose
from serinus.api.v1alpha1 import Analysis, Mean
from serinus.cli.lines import Broken
from serinus.cli.recorded import Buckets
from serinus.cli.tape import Tape

ERROR_RATE, LATENCY, OBJECTIVE = "error-rate", "latency", "latency-objective"


class Source(Protocol):
    """Where samples come from."""

    def errors(self) -> Window | None:
        """Return the window of answers and failed answers, if there are such counters."""

    def buckets(self) -> Buckets | None:
        """Return what latency bounds are chosen from, if there are histograms."""

    def latency(self, bounds: tuple[float, ...]) -> Window:
        """Return the window of requests by latency."""

    def mean(self, mean: Mean) -> tuple[Window, int] | None:
        """Return the window of a mean and the number of its user buckets, if it is there."""


def plan(analysis: Analysis, source: Source, weights: tuple[Weight, ...]) -> Tape:
    """Return the tape of a policy.

    Raises:
        Broken: nothing that the policy judges was recorded.
    """
    raise NotImplementedError
