"""The canary's share of the traffic over time, and what a change inside a block does to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    with canary requests of the same moment; all of stable's errors are kept. The e-value falls in
    stable's errors and rises in its good requests, so it can only become smaller than that of the
    pairs. Blocks without a change are left as they are.
    """
    earlier = block.start - PROPAGATION
    if not any(earlier < weight.time < block.end for weight in weights):
        return block
    top = 0.0
    for index, weight in enumerate(weights):
        ended = index + 1 < len(weights) and weights[index + 1].time <= earlier
        if weight.time < block.end and not ended:
            top = max(top, weight.share)
    if top <= 0.0:
        return block
    return paired(block, min(block.n_s, block.n_c * (1.0 - top) / top))


def paired(block: Block, n_s: float) -> Block:
    """The block with `n_s` of stable's requests, keeping as many of its errors as fit."""
    return replace(block, n_s=n_s, x_s=min(block.x_s, n_s))
