"""The model as it is served: a few numpy arrays.

Training needs scikit-learn, serving does not. Without it a replica starts in about a second and
stays small. Training measures its hold-out through this same code, so that the numbers it
reports are those of the recommendations that users get.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Recommendation(NamedTuple):
    """One item and how well it fits; scores compare within one answer only."""

    item_id: int
    score: float


@dataclass(frozen=True, eq=False)
class Recommender:
    """Factors of users and items; the last factor of an item is its popularity.

    With popularity as a factor a score is one product, and a user nobody knows is simply a user
    who has that factor and no other.
    """

    user_ids: NDArray[np.int64]
    item_ids: NDArray[np.int64]
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    bought: NDArray[np.bool_]

    @classmethod
    def load(cls, path: Path) -> "Recommender":
        """Read what `save` wrote; pickles, which could run code, are refused."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**arrays)

    def save(self, path: Path) -> None:
        """Write all arrays into one .npz file."""
        np.savez(path, **asdict(self))

    def knows(self, user_id: int) -> bool:
        """Say whether recommendations for this user are personal."""
        return user_id in self._rows

    def recommend(self, user_id: int, k: int) -> list[Recommendation]:
        """Return the best k items that the user has not bought; the popular ones for a stranger."""
        row = self._rows.get(user_id)
        if row is None:
            scores = self.item_factors[:, -1]
        else:
            scores = self.item_factors @ self.user_factors[row]
            scores[self.bought[row]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:k]
        return [
            Recommendation(int(self.item_ids[item]), float(scores[item])) for item in best if np.isfinite(scores[item])
        ]

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {int(user_id): row for row, user_id in enumerate(self.user_ids)}
