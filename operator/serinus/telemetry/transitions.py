"""Transitions by reason: one number each, where a counter of the library takes a kilobyte for every series."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

Model = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True, eq=False)
class TransitionCollector(Collector):
    """How often each reason was the reason of a transition, by ModelDeployment."""

    _counted: dict[Model, Counter[str]] = field(default_factory=dict)

    def count(self, namespace: str, name: str, reason: str) -> None:
        """Count one transition."""
        self._counted.setdefault((namespace, name), Counter())[reason] += 1

    def forget(self, namespace: str, name: str) -> None:
        """Show nothing of a ModelDeployment any more."""
        self._counted.pop((namespace, name), None)

    def describe(self) -> Iterable[CounterMetricFamily]:
        """Return the family without samples."""
        return [_family()]

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return the family, from another thread than the one that counts."""
        family = _family()
        for model, reasons in list(self._counted.items()):
            for reason, count in list(reasons.items()):
                family.add_metric((*model, reason), count)
        return [family]


def _family() -> CounterMetricFamily:
    return CounterMetricFamily("serinus_transitions", "Transitions by reason", labels=("namespace", "name", "reason"))
