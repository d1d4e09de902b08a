"""Train a network that reads handwritten digits, on the 1,797 that ship with scikit-learn, and write it for LiteRT.

python train.py --output artifacts
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]


def train() -> tuple[Any, float]:
    """Return the network, which takes the 64 pixels (0 to 16) of an image, and its accuracy on others than it has seen."""
    images, digits = load_digits(return_X_y=True)
    seen, unseen, known, wanted = train_test_split(images, digits, test_size=0.3, random_state=0, stratify=digits)
    model = MLPClassifier(hidden_layer_sizes=(32,), max_iter=1000, random_state=0)
    model.fit(seen, known)
    return model, float(model.score(unseen, wanted))


def main(argv: Sequence[str] | None = None) -> None:
    import graph

    parser = argparse.ArgumentParser(description="Train the network and write it for LiteRT.")
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    given = parser.parse_args(argv)
    model, accuracy = train()
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "model.tflite").write_bytes(graph.packed(graph.network(layers, "pixels", "probabilities")))
    print(f"accuracy {accuracy:.3f} on digits that it has not seen")


if __name__ == "__main__":
    main()
