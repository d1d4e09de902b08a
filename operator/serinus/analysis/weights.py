"""The canary's share of the traffic over time, and what a change inside a block does to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .evalue import Block

PROPAGATION = 10.0
"""Seconds until every proxy surely follows a new weight."""


@dataclass(frozen=True, slots=True)
class Weight:
    """From `time` on the canary gets `share`, in [0, 1], of the requests.

    Raises:
        ValueError: the share is outside of [0, 1].
    """

    time: float
    share: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            msg = f"share must be between 0 and 1, got {self.share}"
            raise ValueError(msg)


def fit(block: Block, weights: Sequence[Weight]) -> Block:
    """The block, with no more of stable's good requests than its share allows.

    While the weight changes the canary's requests lie elsewhere in the block than stable's, and
    what befalls both arms for a part of it would look like a difference. At most
    `(1 - w) / w` stable requests per canary request, w the highest share in force, can be paired
    with canary requests of the same moment; all of stable's bad ones are kept. The e-value falls in
    stable's bad requests and rises in its good ones, so it can only become smaller than that of the
    pairs. Blocks without a change are left as they are.
    """
    shares = _shares(block, weights)
    if not shares or max(shares) <= 0.0:
        return block
    top = max(shares)
    n_s = min(block.n_s, block.n_c * (1.0 - top) / top)
    return block._replace(n_s=n_s, x_s=np.minimum(block.x_s, n_s))


def fit_proof(block: Block, weights: Sequence[Weight]) -> Block:
    """The block as the proof may use it: the same, with the arms' roles exchanged."""
    shares = _shares(block, weights)
    if not shares or min(shares) >= 1.0:
        return block
    least = min(shares)
    n_c = min(block.n_c, block.n_s * least / (1.0 - least))
    return block._replace(n_c=n_c, x_c=np.minimum(block.x_c, n_c))


def _shares(block: Block, weights: Sequence[Weight]) -> list[float]:
    """The shares in force within a block in which the weight changes; none without a change."""
    earlier = block.start - PROPAGATION
    if not any(earlier < weight.time < block.end for weight in weights):
        return []
    found = []
    for index, weight in enumerate(weights):
        ended = index + 1 < len(weights) and weights[index + 1].time <= earlier
        if weight.time < block.end and not ended:
            found.append(weight.share)
    return found if weights[0].time <= earlier else [0.0, *found]
