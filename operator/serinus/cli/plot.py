"""The picture of a replay: rates with their bands, evidence with its limits, weight with the decision.

matplotlib is imported only here, and only when a picture is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from serinus.analysis import Assessment, Outcome, Side
from serinus.cli.replay import Result, Tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "a picture needs matplotlib: pip install 'serinus[plot]'"
_INK, _MUTED, _GRID = "#222222", "#666666", "#e3e3e3"
_CANARY, _STABLE = "#D55E00", "#0072B2"
_TESTS = ("#CC79A7", "#56B4E9", "#E69F00", "#009E73", "#000000", "#F0E442")
"""Okabe and Ito's colours, which people with any colour vision can tell apart."""
_OUTCOMES = {
    Outcome.PASS: ("#009E73", "Pass"),
    Outcome.FAIL: ("#D55E00", "Fail"),
    Outcome.INCONCLUSIVE: ("#BBBBBB", "Inconclusive"),
    Outcome.BLIND: ("#000000", "Blind"),
}
