"""XGBoost and LightGBM, saved as their users save them."""

from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris

from models import COLUMNS
from serving import ROW, refused, serve

FEATURES, TARGET = load_iris(return_X_y=True)
FRAME = load_iris(as_frame=True).data
ROWS = FEATURES[::30].tolist()
QUIET = {"verbosity": -1, "num_threads": 1}


@pytest.mark.parametrize("suffix", [".ubj", ".json"])
def test_an_xgboost_classifier_predicts_classes(tmp_path: Path, suffix: str) -> None:
    model = xgboost.XGBClassifier(n_estimators=5).fit(FEATURES, TARGET)
    model.save_model(path := tmp_path / f"model{suffix}")
    body = {"data": ROWS, "outputs": ["predict", "predict_proba"]}
    found = serve(path).post("/predict", json=body).json()["prediction"]
    assert found["predict"] == model.predict(ROWS).tolist()
    assert np.allclose(found["predict_proba"], model.predict_proba(ROWS))


def test_two_classes_have_two_probabilities(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=5).fit(FEATURES, TARGET == 1)
    model.save_model(path := tmp_path / "model.ubj")
    body = {"data": ROWS, "outputs": ["predict", "predict_proba"]}
    found = serve(path).post("/predict", json=body).json()["prediction"]
    assert found["predict"] == model.predict(ROWS).tolist()
    assert np.allclose(found["predict_proba"], model.predict_proba(ROWS))


def test_an_xgboost_booster_predicts_what_it_does(tmp_path: Path) -> None:
    data = xgboost.DMatrix(FRAME, TARGET)
    booster = xgboost.train({"objective": "reg:squarederror"}, data, 5)
    booster.save_model(path := tmp_path / "model.ubj")
    client = serve(path)
    expected = booster.predict(xgboost.DMatrix([ROW], feature_names=COLUMNS))
    assert client.post("/predict", json=[ROW]).json()["prediction"] == pytest.approx(expected.tolist())
    assert [tensor["name"] for tensor in client.get("/v2/models/iris").json()["inputs"]] == COLUMNS


def test_lightgbm_predicts_what_it_does(tmp_path: Path) -> None:
    booster = lightgbm.train({"objective": "binary", **QUIET}, lightgbm.Dataset(FRAME, TARGET == 1), 5)
    booster.save_model(path := tmp_path / "model.txt")
    client = serve(path)
    assert client.post("/predict", json=ROWS).json()["prediction"] == pytest.approx(booster.predict(ROWS).tolist())
    assert [tensor["name"] for tensor in client.get("/v2/models/iris").json()["inputs"]] == [
        name.replace(" ", "_") for name in COLUMNS
    ]


def test_a_missing_value_is_null(tmp_path: Path) -> None:
    xgboost.XGBRegressor(n_estimators=5).fit(FEATURES, TARGET).save_model(path := tmp_path / "model.ubj")
    client = serve(path)
    found = client.post("/predict", json=[[None, 3.5, None, 0.2]]).json()["prediction"]
    model = xgboost.Booster(model_file=path)
    assert found == pytest.approx(model.inplace_predict(np.array([[np.nan, 3.5, np.nan, 0.2]])).tolist())
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [None, 3.5, None, 0.2]}
    assert client.post("/v2/models/iris/infer", json={"inputs": [tensor]}).json()["outputs"][0][
        "data"
    ] == pytest.approx(found)


ESTIMATORS = {
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbosity=-1),
    "xgboost": xgboost.XGBClassifier(n_estimators=5, n_jobs=1),
}


@pytest.mark.parametrize("model_format", ESTIMATORS)
def test_a_pickled_estimator_is_served_where_pickles_are(tmp_path: Path, model_format: str) -> None:
    model = ESTIMATORS[model_format].fit(FEATURES, TARGET)
    joblib.dump(model, path := tmp_path / "model.pkl")
    client = serve(path, model_format=model_format, allow_pickle=True)
    assert client.post("/predict", json=ROWS).json()["prediction"] == model.predict(FEATURES[::30]).tolist()
    assert client.get("/v2/models/iris").json()["platform"].startswith(f"{model_format} ")
    assert "SERINUS_ALLOW_PICKLE=true" in refused(path, model_format=model_format)
