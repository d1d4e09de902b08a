"""Makes the models of the examples by their own scripts, and beside them some that go wrong.

It is run with what runtimes/server is tested with: `python make_models.py TARGET SKLEARN ONNX LITERT`, the folders of
the examples.
"""

import json
import runpy
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


def of_example(folder: Path, target: Path, *options: str) -> Path:
    """Run an example's train.py, and return the folder that it wrote."""
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(str(folder / "train.py"))["main"]([*options, "--output", str(target)])
    finally:
        sys.path.remove(str(folder))
    return target


def tumours(example: Path, bucket: Path) -> None:
    """Make both versions, one that was cut off, and one that runs code when it is loaded."""
    for version in (1, 2):
        of_example(example, bucket / "tumours" / str(version), "--version", str(version))
    whole = (bucket / "tumours" / "2" / "model.skops").read_bytes()
    (bucket / "tumours" / "cut").mkdir()
    (bucket / "tumours" / "cut" / "model.skops").write_bytes(whole[: len(whole) // 2])
    (bucket / "tumours" / "pickled").mkdir()
    joblib.dump(LogisticRegression().fit(np.eye(30), np.arange(30) % 2), bucket / "tumours" / "pickled" / "model.pkl")


def iris(bucket: Path) -> None:
    """Make models for MLServer: a plain one, one of other columns, which it finds out when it is asked, and a better one."""
    features, species = load_iris(return_X_y=True)
    wider = np.hstack([features, features[:, :1]])
    for version, known, steps in (("1", features, 20), ("2", wider, 500), ("3", features, 500)):
        (bucket / "iris" / version).mkdir(parents=True)
        model = LogisticRegression(max_iter=steps, tol=0.1 if version == "1" else 1e-4).fit(known, species)
        joblib.dump(model, bucket / "iris" / version / "model.joblib")


def line(bucket: Path) -> None:
    """Write what the stand-in for TensorFlow Serving takes for a SavedModel: half of it plus two."""
    folder = bucket / "half-plus-two" / "1"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(json.dumps({"scale": 0.5, "offset": 2.0}))


def main() -> None:
    target, sklearn, onnx, litert = map(Path, sys.argv[1:])
    bucket = target / "bucket"
    tumours(sklearn, bucket)
    of_example(onnx, bucket / "wines" / "1")
    of_example(litert, target / "litert" / "artifacts")
    iris(bucket)
    line(bucket)


if __name__ == "__main__":
    main()
