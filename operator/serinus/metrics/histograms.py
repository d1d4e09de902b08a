"""Histograms of durations as cumulative counters, classic and native alike, without interpolation."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from serinus.metrics.series import Buckets, Series, on_grid

Samples = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Durations:
    """The histogram of one label set of one endpoint; bounds are in seconds.

    Exactly one of `classic` (bound to its counter, infinity for all) and `native` holds something.
    """

    classic: Mapping[float, Samples]
    native: tuple[tuple[float, Buckets], ...] = ()
    scale: float = 1.0
    """Seconds in the unit that a native histogram is in."""

    @property
    def bounds(self) -> frozenset[float]:
        """Return the bounds that it shows."""
        if not self.native:
            return frozenset(bound for bound in self.classic if bound < math.inf)
        return frozenset(one * self.scale for _, buckets in self.native for one in buckets.bounds)

    @property
    def filled(self) -> bool:
        """Tell whether its buckets hold anything that could tell where they lie."""
        return not self.native or bool(self.bounds)

    @property
    def growth(self) -> float | None:
        """Return the ratio of neighbouring bounds, the widest one; None when it is not exponential."""
        growths = {buckets.growth for _, buckets in self.native if buckets.bounds}
        known = [growth for growth in growths if growth is not None]
        return max(known) if known and len(known) == len(growths) else None

    def has(self, bound: float) -> bool:
        """Tell whether the newest sample says how many took at most `bound`."""
        if self.native:
            return self.native[-1][1].at_most(bound / self.scale) is not None
        return rounded(bound) in self.classic

    def at_most(self, bound: float, since: float = -math.inf) -> Samples:
        """Return how many took at most `bound`; no number where the histogram cannot say."""
        if self.native:
            return tuple(
                [
                    (time, math.nan if (held := buckets.at_most(bound / self.scale)) is None else held)
                    for time, buckets in self.native
                    if time >= since
                ]
            )
        found = self.classic.get(rounded(bound))
        if found is None:
            return tuple([(time, math.nan) for time, _ in self.all(since)])
        return recent(found, since)

    def all(self, since: float = -math.inf) -> Samples:
        """Return how many there are."""
        if self.native:
            return tuple([(time, buckets.count) for time, buckets in self.native if time >= since])
        return recent(self.classic.get(math.inf, ()), since)


def durations(series: Iterable[Series], scale: float) -> Durations:
    """Return the histogram that the series of one label set make.

    Where both kinds were scraped the native one serves: each request counts once.
    """
    group = tuple(series)
    native = next((one for one in group if one.histograms), None)
    if native is not None:
        return Durations({}, native.histograms, scale)
    return Durations({bound: one.samples for bound, one in by_bound(group, scale).items()})


def by_bound(series: Iterable[Series], scale: float) -> dict[float, Series]:
    """Return the buckets of a classic histogram by their bounds, in seconds and rounded."""
    return {_bound(le, scale): one for one in series if (le := one.labels.get("le")) is not None}


def common(histograms: Sequence[Durations]) -> tuple[tuple[float, ...], float | None]:
    """Return the bounds that all histograms have, ascending, and their ratio if all are exponential."""
    told = [histogram for histogram in histograms if histogram.filled]
    growths = [histogram.growth for histogram in told]
    known = [growth for growth in growths if growth is not None]
    growth = max(known) if known and len(known) == len(growths) else None
    candidates = sorted({rounded(bound): bound for one in told for bound in sorted(one.bounds)}.values())
    bounds = [bound for bound in candidates if all(histogram.has(bound) for histogram in told)]
    if growth is not None:
        scale = told[0].scale
        bounds = [bound for bound in bounds if on_grid(bound / scale, growth)]
    return tuple(bounds), growth


def increase(samples: Samples) -> float:
    """Return what a counter counted from its first sample to its last, resets included."""
    values = [value for _, value in samples if math.isfinite(value)]
    return math.fsum(after - before if after >= before else after for before, after in pairwise(values))


def recent(samples: Samples, since: float) -> Samples:
    """Return the samples that are not older than `since`."""
    if not samples or samples[0][0] >= since:
        return samples
    return tuple([sample for sample in samples if sample[0] >= since])


@lru_cache(maxsize=4096)
def rounded(bound: float) -> float:
    """Return a bound with nine digits: the same one for two ways to compute it."""
    return float(f"{bound:.9g}")


@lru_cache(maxsize=4096)
def _bound(le: str, scale: float) -> float:
    try:
        return rounded(float(le) * scale)
    except ValueError:
        return math.nan
