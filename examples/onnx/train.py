"""Train a classifier of wines on the 178 wines that ship with scikit-learn, and write it as an ONNX graph.

python train.py --output artifacts
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_wine  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

MEASUREMENTS = 13


def train() -> tuple[Any, float]:
    """Return the model and its accuracy on wines that it has not seen."""
    measured, cultivar = load_wine(return_X_y=True)
    seen, unseen, known, wanted = train_test_split(measured, cultivar, test_size=0.5, random_state=0, stratify=cultivar)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(seen, known)
    return model, float(model.score(unseen, wanted))


def main(argv: Sequence[str] | None = None) -> None:
    from skl2onnx import to_onnx  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description="Train the classifier and write it as ONNX.")
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    given = parser.parse_args(argv)
    model, accuracy = train()
    # Without zipmap the probabilities are a tensor, not a list of dictionaries.
    graph = to_onnx(model, np.zeros((1, MEASUREMENTS), np.float32), options={"zipmap": False}, target_opset=17)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "model.onnx").write_bytes(graph.SerializeToString())
    print(f"accuracy {accuracy:.3f} on wines that it has not seen")


if __name__ == "__main__":
    main()
