"""A time series as Prometheus returns it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """Labels and raw samples `(Unix seconds, value)`, ascending in time."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]

    @property
    def is_up(self) -> bool:
        """Tell whether it says when a target was scraped."""
        return self.labels.get("__name__") == "up"

    @property
    def target(self) -> str:
        """Return the scrape target that reported it."""
        return f"{self.labels.get('job', '')}/{self.labels.get('instance', '')}"

    @property
    def key(self) -> str:
        """Return the identity of its label set."""
        return ",".join(f"{name}={value}" for name, value in sorted(self.labels.items()))
