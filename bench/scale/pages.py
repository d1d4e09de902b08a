"""Sums of counters on a page of metrics."""

import re


def total(text: str, family: str, *labels: str) -> float:
    """Return the sum over the series of a family that carry all of these labels, each as `name="value"`."""
    values = [
        float(match[2])
        for match in re.finditer(rf"^{family}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
        if all(label in (match[1] or "") for label in labels)
    ]
    return sum(values)
