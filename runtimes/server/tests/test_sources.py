"""What is found in a folder, and what is said when it cannot be served."""

import pickle
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression

import models
from serinus_server import engines
from serinus_server.engines import Options
from serinus_server.errors import StartupError
from serinus_server.source import Source, find
from serving import ROW, refused, serve


class Custom(LogisticRegression):
    """A type that skops does not know."""


def test_a_folder_with_one_model_is_enough(tmp_path: Path) -> None:
    models.dumped(models.linear(), tmp_path / "flowers.skops")
    (tmp_path / "README.md").touch()
    (tmp_path / "..data").mkdir()  # as Kubernetes mounts ConfigMaps
    assert serve(tmp_path).post("/predict", json=[ROW]).json()["prediction"] == [0]


def test_folders_that_cannot_be_served(tmp_path: Path) -> None:
    assert "holds nothing, but not a model (.skops" in refused(tmp_path)
    for name in ("a.onnx", "b.onnx", "c.txt"):
        (tmp_path / name).touch()
    assert "a.onnx, b.onnx: more than one model; name the file" in refused(tmp_path, model_format="onnx")
    assert "holds a.onnx, b.onnx, c.txt, but not a sklearn model" in refused(tmp_path, model_format="sklearn")


def test_the_name_tells_the_format(tmp_path: Path) -> None:
    (path := tmp_path / "model.bin").touch()
    assert "its name tells no format; set SERINUS_MODEL_FORMAT" in refused(path)
    assert find(path, "onnx") == Source(path, "onnx")
    assert "set the format to tflite" in refused(models.as_tflite(tmp_path / "model.tflite"), model_format="onnx")


@pytest.mark.parametrize("name", ["m.skops", "m.joblib", "m.ubj", "m.json", "m.txt", "m.onnx", "m.tflite"])
@pytest.mark.parametrize("content", [b"", b"no model at all", bytes(range(256)) * 8])
def test_a_broken_file_is_told_with_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (path := tmp_path / name).write_bytes(content)
    assert f"{path}: cannot be read as " in refused(path, allow_pickle=True)


def test_a_pickle_needs_to_be_allowed(tmp_path: Path) -> None:
    joblib.dump(models.linear(), path := tmp_path / "model.joblib")
    assert "SERINUS_ALLOW_PICKLE=true" in refused(path)
    assert serve(path, allow_pickle=True).post("/predict", json=[ROW]).json()["prediction"] == [0]


def test_a_pickle_that_is_not_allowed_is_not_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> object:
            return (Path.touch, (tmp_path / "ran",))

    (path := tmp_path / "model.pkl").write_bytes(pickle.dumps(Bomb()))
    refused(path)
    assert not (tmp_path / "ran").exists()


def test_skops_with_unknown_types_needs_to_be_allowed(tmp_path: Path) -> None:
    path = models.dumped(Custom(max_iter=500).fit([[0], [1]], [0, 1]), tmp_path / "model.skops")
    told = refused(path)
    assert "Custom" in told
    assert "SERINUS_ALLOW_PICKLE=true" in told
    assert serve(path, allow_pickle=True).post("/predict", json=[[1]]).status_code == 200


def test_what_is_no_fitted_estimator(tmp_path: Path) -> None:
    assert "not fitted" in refused(models.dumped(LogisticRegression(), tmp_path / "model.skops"))
    joblib.dump({"model": 1}, path := tmp_path / "model.joblib")
    assert "holds a dict, which has none of predict" in refused(path, allow_pickle=True)


LIBRARIES = {
    "lightgbm": ("model.pkl", "lightgbm", "lightgbm"),
    "onnx": ("model.onnx", "onnxruntime", "onnx"),
    "tflite": ("model.tflite", "ai_edge_litert", "litert"),
    "xgboost": ("model.ubj", "xgboost", "xgboost"),
}
"""A file of each format, the library that it needs, and what is to be installed."""


@pytest.mark.parametrize("model_format", LIBRARIES)
def test_a_format_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_format: str) -> None:
    name, library, extra = LIBRARIES[model_format]
    lacks(monkeypatch, library, f"serinus_server.engines.{model_format}")
    with pytest.raises(StartupError, match=rf"{library}, which is not .*-full, or .*'serinus-server\[{extra}\]'"):
        engines.load(Source(tmp_path / name, model_format), Options())


def test_a_pipeline_that_picks_columns_by_name_without_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picking = ColumnTransformer([("kept", "passthrough", ["a"])]).fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    path = models.dumped(picking, tmp_path / "model.skops")
    lacks(monkeypatch, "pandas")
    assert "needs pandas, which is not installed here: use the image serinus/server:" in refused(path)


def test_a_pickle_that_needs_what_nobody_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ours.py").write_text("class Ours: pass")
    joblib.dump(__import__("ours").Ours(), path := tmp_path / "model.pkl")
    lacks(monkeypatch, "ours")
    assert "needs ours, which is not installed here: build an image that has it" in refused(path, allow_pickle=True)


def lacks(monkeypatch: pytest.MonkeyPatch, library: str, *importers: str) -> None:
    """Have a library not be installed, for what was imported already, too."""
    monkeypatch.setitem(sys.modules, library, None)
    for name in [name for name in sys.modules if name.startswith(f"{library}.") or name in importers]:
        monkeypatch.delitem(sys.modules, name)


def test_boosters_with_categories_are_refused(tmp_path: Path) -> None:
    import lightgbm
    import xgboost

    frame = pd.DataFrame({"kind": pd.Categorical(["a", "b"] * 20), "size": range(40)})
    target = [0, 1] * 20
    xgboost.XGBRegressor(n_estimators=2, enable_categorical=True).fit(frame, target).save_model(tmp_path / "model.ubj")
    lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=1, verbosity=-1).fit(frame, target).booster_.save_model(
        tmp_path / "model.txt"
    )
    for name in ("model.ubj", "model.txt"):
        assert "has categorical columns" in refused(tmp_path / name)
