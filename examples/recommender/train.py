"""Train one version of the recommender and measure it on held-out purchases.

Version 1 is what a first attempt looks like: two factors, and popularity decides the rest.
Version 2 chooses its size on purchases set aside from the training data (never on the hold-out,
which would flatter it). Later versions are version 2 again: their images differ in the fault
that they inject.

    python train.py --version 2 --output artifacts
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import data
import numpy as np
from model import Recommender
from sklearn.decomposition import TruncatedSVD  # type: ignore[import-untyped]

K = 10
FIRST_USER_ID = 1
FIRST_ITEM_ID = 1001


@dataclass(frozen=True)
class Recipe:
    """What distinguishes one trained model from another."""

    components: int
    popularity_weight: float


@dataclass(frozen=True)
class Quality:
    """Means over all users, for the first K recommendations of each."""

    precision: float
    recall: float
    ndcg: float


FIRST_ATTEMPT = Recipe(components=2, popularity_weight=1.0)
CANDIDATES = [
    Recipe(components, weight) for components, weight in product((2, 4, 6, 8, 12, 16, 24), (0.0, 0.1, 0.25, 0.5))
]


def fit(bought: data.Purchases, recipe: Recipe) -> Recommender:
    """Factorise the user-item matrix and append popularity as one more factor."""
    users, items = bought.shape
    # arpack with a fixed start finds the same factors on every build.
    svd = TruncatedSVD(n_components=recipe.components, algorithm="arpack", random_state=0)
    user_factors = svd.fit_transform(bought.astype(np.float64))
    popularity = bought.mean(axis=0)
    return Recommender(
        user_ids=np.arange(FIRST_USER_ID, FIRST_USER_ID + users),
        item_ids=np.arange(FIRST_ITEM_ID, FIRST_ITEM_ID + items),
        user_factors=np.column_stack(
            [user_factors, np.full(users, recipe.popularity_weight)],
        ).astype(np.float32),
        item_factors=np.column_stack([svd.components_.T, popularity]).astype(np.float32),
        bought=bought,
    )


def measure(model: Recommender, held_out: data.Purchases, k: int = K) -> Quality:
    """Compare recommendations with what the users bought next."""
    discounts = 1 / np.log2(np.arange(2, k + 2))

    def per_user() -> Iterator[tuple[float, float, float]]:
        for user_id, wanted in zip(model.user_ids, held_out, strict=True):
            columns = [r.item_id - FIRST_ITEM_ID for r in model.recommend(int(user_id), k)]
            hits = wanted[columns]
            ideal = discounts[: min(k, int(wanted.sum()))].sum()
            yield hits.sum() / k, hits.sum() / wanted.sum(), hits @ discounts[: hits.size] / ideal

    precision, recall, ndcg = np.mean(list(per_user()), axis=0)
    return Quality(float(precision), float(recall), float(ndcg))


def tune(bought: data.Purchases) -> Recipe:
    """Choose the recipe that ranks best on purchases set aside from the training data."""
    inner = data.split(bought, seed=23)
    return max(CANDIDATES, key=lambda recipe: measure(fit(inner.train, recipe), inner.held_out).ndcg)


def train(version: int) -> tuple[Recommender, dict[str, object]]:
    """Return the model of a version and its report."""
    shop = data.split(data.purchases())
    recipe = FIRST_ATTEMPT if version == 1 else tune(shop.train)
    model = fit(shop.train, recipe)
    quality = measure(model, shop.held_out)
    users, items = shop.train.shape
    return model, {
        "version": version,
        "recipe": asdict(recipe),
        "users": users,
        "items": items,
        f"precision_at_{K}": round(quality.precision, 4),
        f"recall_at_{K}": round(quality.recall, 4),
        f"ndcg_at_{K}": round(quality.ndcg, 4),
    }


def version_number(text: str) -> int:
    """Parse `--version`; argparse adds the option's name to the message."""
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is not a version: expected 1, 2, 3, ..."
        raise argparse.ArgumentTypeError(message)
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write model.npz and metrics.json."""
    parser = argparse.ArgumentParser(description="Train one version of the recommender.")
    parser.add_argument("--version", type=version_number, default=1)
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    options = parser.parse_args(arguments)

    model, report = train(options.version)
    options.output.mkdir(parents=True, exist_ok=True)
    model.save(options.output / "model.npz")
    (options.output / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
