"""The counters of one family in what a metrics endpoint says, the Prometheus text format."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Reading:
    """One counter: its own labels, and its value."""

    labels: Mapping[str, str]
    value: float


def counters(text: str, family: str) -> list[Reading]:
    """Return the counters of a family.

    Other families are not looked at: a process tells a hundred of them, and one is asked for.

    Raises:
        ValueError: the text is none of this format, or a counter is no number of zero or more.
    """
    own = "\n".join(line for line in text.split("\n") if line.startswith((f"{family}{{", f"{family} ")))
    found = []
    for metric in text_string_to_metric_families(own):
        for sample in metric.samples:
            if not 0.0 <= sample.value < inf:
                raise ValueError(f"{family} is {sample.value}")
            found.append(Reading(dict(sample.labels), float(sample.value)))
    return found
