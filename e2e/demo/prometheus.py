"""Samples of the Prometheus text format."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? +(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One line."""

    name: str
    labels: dict[str, str]
    value: float


def samples(text: str, *names: str) -> Iterator[Sample]:
    """Yield the samples of these names."""
    for line in text.splitlines():
        if line.startswith(names) and (found := _SAMPLE.match(line)) and found[1] in names:
            yield Sample(found[1], dict(_LABEL.findall(found[2] or "")), float(found[3]))
