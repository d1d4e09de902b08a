"""A time series as Prometheus returns it."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

_ROUNDING = 1e-9
"""Bounds are powers of two in decimals: closer than this share of them is the same bound."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """One sample of a native histogram: only the buckets that hold something, ascending.

    Attributes:
        count: all observations, also those that are no number and lie in no bucket.
        lower: where each bucket begins.
        upper: where it ends; what lies on the end belongs to it.
        held: observations in it and in all buckets below.
    """

    count: float
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    held: tuple[float, ...] = ()

    def at_most(self, bound: float) -> float | None:
        """Return how many observations are at most `bound`, or None when it lies inside a bucket."""
        place = bisect_right(self.upper, bound * (1 + _ROUNDING))
        if place < len(self.lower) and self.lower[place] < bound * (1 - _ROUNDING):
            return None
        return self.held[place - 1] if place else 0.0

    @property
    def bounds(self) -> frozenset[float]:
        """Return the finite bounds above zero that its buckets show; the zero bucket is not one of them."""
        pairs = [pair for pair in zip(self.lower, self.upper, strict=True) if pair[0] != -pair[1]]
        return frozenset(bound for pair in pairs for bound in pair if 0.0 < bound < math.inf)

    @property
    def growth(self) -> float | None:
        """Return the ratio of neighbouring bounds of an exponential histogram.

        None for buckets that somebody chose, and where nothing above the zero bucket tells.
        """
        if math.inf in self.upper or -math.inf in self.lower:
            return None
        buckets = list(zip(self.lower, self.upper, strict=True))
        zero = max((right for left, right in buckets if left == -right), default=0.0)
        scales = {_scale(left, right) for left, right in buckets if left > zero}
        (scale,) = scales if len(scales) == 1 else (None,)
        return None if scale is None else 2.0 ** (2.0**-scale)


class Series(NamedTuple):
    """Labels and raw samples `(Unix seconds, value)`, ascending in time.

    A native histogram has `histograms` instead of `samples`.
    """

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]
    histograms: tuple[tuple[float, Buckets], ...] = ()

    @property
    def name(self) -> str:
        """Return the name of its family."""
        return self.labels.get("__name__", "")

    @property
    def is_up(self) -> bool:
        """Tell whether it says when a target was scraped."""
        return self.labels.get("__name__") == "up"

    @property
    def target(self) -> tuple[str, str]:
        """Return job and instance of the scrape target that reported it."""
        return self.labels.get("job", ""), self.labels.get("instance", "")


def on_grid(bound: float, growth: float) -> bool:
    """Tell whether an exponential histogram with this ratio has this bound."""
    place = math.log2(bound) / math.log2(growth)
    return abs(place - round(place)) < 1e-6 * max(1.0, abs(place))


def ascending(lower: tuple[float, ...], upper: tuple[float, ...]) -> bool:
    """Tell whether buckets lie one after the other, each with a width."""
    return all(left <= right for left, right in zip(lower, upper, strict=True)) and all(
        after > before for before, after in pairwise(upper)
    )


def _scale(left: float, right: float) -> int | None:
    """Return the scale (OpenMetrics' schema) of an exponential histogram with this bucket, or None of another."""
    ratio = math.log2(right / left)
    if ratio <= 0.0:
        return None
    scale = round(-math.log2(ratio))
    growth = 2.0 ** (2.0**-scale)
    return scale if on_grid(left, growth) and abs(ratio * 2.0**scale - 1.0) < 1e-6 else None
