"""Evidence that stays valid while one keeps looking: a mixture of products of e-values.

`M_t = sum_k gamma_k (1/J) sum_j prod_{blocks after T_k} E_j` over J alternatives and start times
T_k, plus the weight of the starts not opened yet. Each term is a test supermartingale, so by
Ville's inequality `P(some M_t >= 1/alpha) <= alpha` under the null. Starting again and again finds
a canary that degrades late (Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2023, arXiv
2203.03532). Weights: gamma_0 = 1/2, gamma_k = 1/2 * 1/(k (k+1)), which sum to 1.

No snapshot per start is needed: with `A_j <- (A_j + gamma_new) E_j` the sum over the starts is
carried as one number per alternative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

_FIRST = 0.5


@dataclass(frozen=True, slots=True)
class Mixture:
    """State of the mixture.

    Attributes:
        logs: natural logarithm of A_j, per alternative.
        starts: how many starts have been opened, at least the first.
    """

    logs: tuple[float, ...]
    starts: int = 1

    def opened(self, starts: int) -> Mixture:
        """The mixture with `starts` starts open; never fewer than before."""
        if starts <= self.starts:
            return self
        added = log(_unopened(self.starts) - _unopened(starts))
        return Mixture(tuple(log_sum(value, added) for value in self.logs), starts)

    def times(self, log_e: Sequence[float], dispersion: float) -> Mixture:
        """The mixture after a block with these e-values, tempered by the dispersion.

        `E ** (1/D)` with D >= 1 is an e-value too (Jensen), and one that correlated requests
        inflate D times less. Only this block is tempered, never what was gathered before.
        """
        logs = tuple(a + e / dispersion for a, e in zip(self.logs, log_e, strict=True))
        return Mixture(logs, self.starts)

    @property
    def log_value(self) -> float:
        """Natural logarithm of M_t."""
        top = max(self.logs)
        total = log(sum(exp(value - top) for value in self.logs) / len(self.logs)) + top
        return log_sum(total, log(_unopened(self.starts)))


def fresh_mixture(alternatives: int) -> Mixture:
    """The mixture before the first block, with value 1."""
    return Mixture((log(_FIRST),) * alternatives)


def log_sum(left: float, right: float) -> float:
    """`log(exp(left) + exp(right))` without overflow."""
    high, low = (left, right) if left >= right else (right, left)
    return high if low == -inf else high + log1p(exp(low - high))


def _unopened(starts: int) -> float:
    """Weight of the starts after the first `starts`: the tail of the series above."""
    return (1.0 - _FIRST) / starts
