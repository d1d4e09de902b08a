"""The counters of some families in what a metrics endpoint says, the Prometheus text format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Reading:
    """One counter: its family, its own labels, and its value."""

    family: str
    labels: Mapping[str, str]
    value: float


def counters(text: str, families: Sequence[str]) -> list[Reading]:
    """Return the counters of some families.

    Others are not looked at: a process tells a hundred of them, and one or two are asked for.

    Raises:
        ValueError: the text is none of this format, or a counter is no number of zero or more.
    """
    starts = tuple(f"{family}{end}" for family in families for end in ("{", " "))
    own = "\n".join(line for line in text.split("\n") if line.startswith(starts))
    found = []
    for metric in text_string_to_metric_families(own):
        for sample in metric.samples:
            if not 0.0 <= sample.value < inf:
                raise ValueError(f"{sample.name} is {sample.value}")
            found.append(Reading(sample.name, dict(sample.labels), float(sample.value)))
    return found
