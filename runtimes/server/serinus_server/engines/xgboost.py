"""XGBoost boosters, as `save_model` writes them: UBJSON or JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import xgboost

from serinus_server.engines import Options, boosters
from serinus_server.signature import Array, Inputs, Tensor
from serinus_server.source import Source


class XgboostEngine:
    """A booster. One that scikit-learn's interface saved as a classifier predicts classes, as it does there."""

    def __init__(self, booster: Any, source: Source) -> None:
        self._booster = booster
        noted = booster.attr("scikit_learn")
        self._classifies = bool(noted) and json.loads(noted).get("_estimator_type") == "classifier"
        outputs = [Tensor("predict", "FP32")]
        if self._classifies:
            outputs = [Tensor("predict", "INT64"), Tensor("predict_proba", "FP32", (-1, -1))]
        self.signature = boosters.signature(source, booster.num_features(), booster.feature_names, outputs)

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Run the booster once, whatever is asked of it."""
        raw = self._booster.inplace_predict(boosters.table(inputs), validate_features=False)
        if not self._classifies:
            return {"predict": raw}
        chances = boosters.chances(raw)
        found = {"predict": chances.argmax(axis=1), "predict_proba": chances}
        return {name: found[name] for name in outputs}


def load(source: Source, options: Options) -> XgboostEngine:
    """Load a booster.

    Raises:
        StartupError: if it takes categories, which arrays of numbers cannot hold.
    """
    booster = xgboost.Booster(model_file=str(source.path))
    booster.set_param({"nthread": options.threads})
    if "c" in (booster.feature_types or ()):
        raise boosters.has_categories(source)
    return XgboostEngine(booster, source)
