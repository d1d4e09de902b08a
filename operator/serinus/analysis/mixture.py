"""Evidence that stays valid while one keeps looking: a mixture of products of e-values.

`M_t = sum_k gamma_k (1/J) sum_j prod_{blocks after T_k} E_j` over J alternatives and start times
T_k, plus the weight of the starts not opened yet. Each term is a test supermartingale, so by
Ville's inequality `P(some M_t >= 1/alpha) <= alpha` under the null. Starting again and again finds
a canary that degrades late (Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2023, arXiv
2203.03532). Weights: gamma_0 = 1/2, gamma_k = 1/2 * 1/(k (k+1)), which sum to 1.

No snapshot per start is needed: with `A_j <- (A_j + gamma_new) E_j` the sum over the starts is
carried as one number per alternative. A test with several rows (the bounds of a histogram) has one
such mixture per row; their mean is an e-process again.

The functions broadcast: `logs` has the shape `(..., rows, alternatives)`.
"""

from __future__ import annotations

from math import log
from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
_FIRST = 0.5


def fresh(rows: int, alternatives: int) -> Array:
    """Logarithms of the A_j before the first block: the mixture has value 1."""
    return np.full((rows, alternatives), log(_FIRST))


def opened(logs: Array, before: int, after: int) -> Array:
    """The logarithms with starts `before` + 1 to `after` open; the same ones if there are none."""
    if after <= before:
        return logs
    return np.logaddexp(logs, log(unopened(before) - unopened(after)))


def values(logs: Array, starts: int) -> Array:
    """Natural logarithm of M_t, per row."""
    return np.logaddexp(mean_exp(logs), log(unopened(starts)))


def mean_exp(logs: Array) -> Array:
    """`log(mean(exp(logs)))` over the last axis, without overflow."""
    mean: Array = np.logaddexp.reduce(logs, axis=-1) - log(logs.shape[-1])
    return mean


def unopened(starts: int) -> float:
    """Weight of the starts after the first `starts`: the tail of the series above."""
    return (1.0 - _FIRST) / starts
