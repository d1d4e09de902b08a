"""scikit-learn: skops files, and pickles where they are allowed."""

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import joblib
import numpy as np
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from serinus_server.engines import Options
from serinus_server.errors import StartupError
from serinus_server.mlflow import signature_of
from serinus_server.signature import ANY, Array, Inputs, Signature, Tensor, columns, datatype
from serinus_server.source import PICKLES, Source

METHODS = ("predict", "predict_proba", "decision_function", "transform")
ALLOW = "set SERINUS_ALLOW_PICKLE=true if you trust where it comes from"


class SklearnEngine:
    """An estimator; its outputs are named after its methods."""

    def __init__(self, estimator: Any, noted: Signature | None) -> None:
        self._estimator = estimator
        self._frames = _takes_frames(estimator)
        if self._frames:
            import_module("pandas")  # the lack of it is told at the start, not to callers
        self.signature = _signature(estimator, noted, frames=self._frames)

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Call a method per output."""
        data = self._frame(inputs) if self._frames else self._array(inputs)
        return {name: np.asarray(getattr(self._estimator, name)(data)) for name in outputs}

    def _frame(self, inputs: Inputs) -> Any:
        import pandas as pd

        if isinstance(inputs, Mapping):
            return pd.DataFrame(inputs)
        return pd.DataFrame(inputs, columns=list(self.signature.names))

    def _array(self, inputs: Inputs) -> Array:
        """Return what an estimator takes that knows no names."""
        if not isinstance(inputs, Mapping):
            return inputs
        if self.signature.layout == "free":
            return next(iter(inputs.values()))
        return np.stack([column.astype(object) for column in inputs.values()], axis=1)


def load(source: Source, options: Options) -> SklearnEngine:
    """Load an estimator.

    Raises:
        StartupError: if it would run code that nobody allowed, or is no fitted estimator.
    """
    pickled = source.path.suffix in PICKLES
    if pickled and not options.allow_pickle:
        raise StartupError(f"{source.path}: a pickle runs code when it is loaded: save it with skops, or {ALLOW}")
    estimator = joblib.load(source.path) if pickled else _unskops(source, options)
    if not any(hasattr(estimator, method) for method in METHODS):
        raise StartupError(f"{source.path}: holds a {type(estimator).__name__}, which has none of {', '.join(METHODS)}")
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise StartupError(f"{source.path}: {error}") from error
    # The columns are checked against the names here, and then handed over in their order without them.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    return SklearnEngine(estimator, signature_of(source.notes))


def _unskops(source: Source, options: Options) -> Any:
    named = skops.io.get_untrusted_types(file=source.path)
    unknown = [name for name in named if not _own(name)]
    if unknown and not options.allow_pickle:
        raise StartupError(f"{source.path}: has types that nobody knows as safe: {', '.join(unknown)}; {ALLOW}")
    return skops.io.load(source.path, trusted=named)


def _own(name: str) -> bool:
    """Say whether a name that skops does not know is a class of scikit-learn's own; functions could do anything."""
    module, _, attribute = name.rpartition(".")
    if not name.startswith("sklearn."):
        return False
    try:
        return isinstance(getattr(import_module(module), attribute, None), type)
    except ImportError:
        return False


def _takes_frames(estimator: Any) -> bool:
    """Say whether a part of it picks columns by their name: it then takes nothing but data frames."""
    parts = [estimator, *(estimator.get_params(deep=True).values() if hasattr(estimator, "get_params") else ())]
    return any(
        isinstance(wanted, str) or (isinstance(wanted, list) and any(isinstance(name, str) for name in wanted))
        for part in parts
        if isinstance(part, ColumnTransformer)
        for _, _, wanted in getattr(part, "transformers_", ())
    )


def _signature(estimator: Any, noted: Signature | None, *, frames: bool) -> Signature:
    methods = [method for method in METHODS if hasattr(estimator, method)]
    outputs = tuple(Tensor(method, _type_of(estimator, method)) for method in methods)
    if noted and noted.inputs:
        return Signature(noted.layout, noted.inputs, outputs, noted.named)
    count = getattr(estimator, "n_features_in_", None)
    if count is None:
        return Signature("free", (), outputs)
    nullable = bool(get_tags(estimator).input_tags.allow_nan)
    kind = ANY if frames else "FP64"
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return Signature("table", columns(count, kind, nullable=nullable), outputs, named=False)
    return Signature("table", tuple(Tensor(str(name), kind, nullable=nullable) for name in names), outputs)


def _type_of(estimator: Any, method: str) -> str:
    classes = getattr(estimator, "classes_", None)
    return datatype(classes.dtype) if method == "predict" and isinstance(classes, np.ndarray) else "FP64"
