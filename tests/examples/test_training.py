"""The recommender learns something, and the same thing on every build."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from .conftest import EXAMPLES, load

METRICS = ("precision_at_10", "recall_at_10", "ndcg_at_10")


@pytest.fixture(scope="session")
def trained(recommender: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folders = {version: tmp_path_factory.mktemp(f"v{version}") for version in (1, 2, 4)}
    for version, folder in folders.items():
        recommender.train.main(["--version", str(version), "--output", str(folder)])
    return folders


def report(folder: Path) -> dict[str, float]:
    content: dict[str, float] = json.loads((folder / "metrics.json").read_text())
    return content


def test_version_2_is_better_on_purchases_neither_has_seen(trained: dict[int, Path]) -> None:
    first, second = report(trained[1]), report(trained[2])
    for metric in METRICS:
        assert second[metric] > 1.25 * first[metric]


def test_version_1_is_better_than_popular_items_alone(recommender: SimpleNamespace) -> None:
    train = recommender.train
    shop = recommender.data.split(recommender.data.purchases())
    popular = train.fit(shop.train, train.Recipe(components=1, popularity_weight=1e6))
    first = train.fit(shop.train, train.FIRST_ATTEMPT)
    assert train.measure(first, shop.held_out).ndcg > train.measure(popular, shop.held_out).ndcg


def test_later_versions_are_the_model_of_version_2(trained: dict[int, Path]) -> None:
    with np.load(trained[2] / "model.npz") as second, np.load(trained[4] / "model.npz") as fourth:
        for name in second.files:
            np.testing.assert_array_equal(second[name], fourth[name])
    assert report(trained[4]) == {**report(trained[2]), "version": 4}


def test_training_twice_gives_the_same_model(recommender: SimpleNamespace, trained: dict[int, Path]) -> None:
    again, _ = recommender.train.train(1)
    before = recommender.model.Recommender.load(trained[1] / "model.npz")
    np.testing.assert_array_equal(again.user_factors, before.user_factors)
    np.testing.assert_array_equal(again.item_factors, before.item_factors)


def test_the_hold_out_is_never_trained_on(recommender: SimpleNamespace) -> None:
    bought = recommender.data.purchases()
    shop = recommender.data.split(bought)
    assert not (shop.train & shop.held_out).any()
    np.testing.assert_array_equal(shop.train | shop.held_out, bought)
    assert shop.held_out.any(axis=1).all()


def test_a_perfect_model_measures_one(recommender: SimpleNamespace) -> None:
    held_out = np.array([[True, False, True], [False, True, False]])
    oracle = recommender.model.Recommender(
        user_ids=np.array([1, 2]),
        item_ids=np.arange(3) + recommender.train.FIRST_ITEM_ID,
        user_factors=np.eye(2, 3, dtype=np.float32),
        item_factors=np.column_stack([held_out.T, np.zeros(3)]).astype(np.float32),
        bought=np.zeros((2, 3), dtype=np.bool_),
    )
    quality = recommender.train.measure(oracle, held_out, k=2)
    assert (quality.precision, quality.recall, quality.ndcg) == (0.75, 1.0, 1.0)


@pytest.mark.parametrize("version", ["0", "-1", "two", "1.5"])
def test_a_version_that_is_none_is_refused_by_name(
    recommender: SimpleNamespace, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    with pytest.raises(SystemExit):
        recommender.train.main([f"--version={version}"])
    assert f"argument --version: {version!r} is not a version" in capsys.readouterr().err


def test_the_next_classifier_is_better_and_takes_the_same_inputs() -> None:
    train = load(EXAMPLES / "sklearn").train
    (first, before), (second, after) = train.train(1), train.train(2)
    assert after > before + 0.05
    assert first.n_features_in_ == second.n_features_in_ == 30
    assert train.train(2)[1] == after, "the same every time"
