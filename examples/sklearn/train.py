"""Train one version of a classifier of tumours on the data of 569 patients that ships with scikit-learn.

Both versions take the same thirty measurements. Version 1 decides by one of them, version 2 by all.

    python train.py --version 1 --output artifacts
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from sklearn.tree import DecisionTreeClassifier  # type: ignore[import-untyped]

VERSIONS = {1: lambda: DecisionTreeClassifier(max_depth=1), 2: LogisticRegression}


def train(version: int) -> tuple[Any, float]:
    """Return the model and its accuracy on patients that it has not seen."""
    features, benign = load_breast_cancer(return_X_y=True)
    seen, unseen, known, wanted = train_test_split(features, benign, test_size=0.3, random_state=0, stratify=benign)
    model = make_pipeline(StandardScaler(), VERSIONS[version]())
    model.fit(seen, known)
    return model, float(model.score(unseen, wanted))


def main(argv: Sequence[str] | None = None) -> None:
    from skops.io import dump  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description="Train a version of the classifier.")
    parser.add_argument("--version", type=int, choices=VERSIONS, required=True)
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    given = parser.parse_args(argv)
    model, accuracy = train(given.version)
    given.output.mkdir(parents=True, exist_ok=True)
    dump(model, given.output / "model.skops")  # unlike a pickle it runs no code when it is loaded
    (given.output / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
    print(f"version {given.version}: accuracy {accuracy:.3f} on patients that it has not seen")


if __name__ == "__main__":
    main()
