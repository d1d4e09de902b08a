"""Purchases of a made-up shop: seeded, so that every build sees the same ones.

Random purchases would leave a recommender nothing to find. These have the two things that real
ones have: users share a few tastes (what collaborative filtering finds) and some items sell to
everybody (what makes popularity alone a baseline that is hard to beat).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

USERS = 400
ITEMS = 240
TASTES = 8
HELD_OUT_SHARE = 0.2

Purchases = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """The same users and items twice: rows are users, columns items, True is "bought"."""

    train: Purchases
    held_out: Purchases


def purchases(seed: int = 7, users: int = USERS, items: int = ITEMS) -> Purchases:
    """Let every user buy 15 to 40 different items, by taste and by the items' general appeal."""
    rng = np.random.default_rng(seed)
    tastes = rng.dirichlet(np.full(TASTES, 0.2), size=users)
    character = rng.dirichlet(np.full(TASTES, 0.1), size=items)
    appeal = rng.permutation(np.arange(1, items + 1) ** -0.6)
    chance = (tastes @ character.T + 0.01) * appeal
    chance /= chance.sum(axis=1, keepdims=True)

    bought = np.zeros((users, items), dtype=np.bool_)
    for user, amount in enumerate(rng.integers(15, 40, size=users, endpoint=True)):
        bought[user, rng.choice(items, size=amount, replace=False, p=chance[user])] = True
    return bought


def split(bought: Purchases, seed: int = 11) -> Split:
    """Hold out a share of every user's purchases, at least one, so that every user is judged."""
    rng = np.random.default_rng(seed)
    held_out = np.zeros_like(bought)
    for user, row in enumerate(bought):
        own = np.flatnonzero(row)
        amount = max(1, round(own.size * HELD_OUT_SHARE))
        held_out[user, rng.choice(own, size=amount, replace=False)] = True
    return Split(train=bought & ~held_out, held_out=held_out)
