"""What XGBoost and LightGBM have in common: a table of numbers, in which any may be missing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from serinus_server.errors import StartupError
from serinus_server.mlflow import signature_of
from serinus_server.signature import Array, Inputs, Signature, Tensor, columns
from serinus_server.source import Source


def signature(source: Source, count: int, names: Sequence[str] | None, outputs: Sequence[Tensor]) -> Signature:
    """Describe the columns: as MLflow noted them, by the booster's names, or by their number."""
    noted = signature_of(source.notes)
    if noted and noted.layout == "table" and len(noted.inputs) == count and noted.matrix is not None:
        return replace(noted, inputs=tuple(replace(t, nullable=True) for t in noted.inputs), outputs=tuple(outputs))
    if not names:
        return Signature("table", columns(count, nullable=True), tuple(outputs), named=False)
    return Signature("table", tuple(Tensor(name, "FP64", nullable=True) for name in names), tuple(outputs))


def table(inputs: Inputs) -> Array:
    """Return the one array that a booster takes."""
    return np.stack(list(inputs.values()), axis=1) if isinstance(inputs, Mapping) else inputs


def chances(raw: Array) -> Array:
    """Return a classifier's probabilities, a column for each class; two classes come as the second one's alone."""
    return np.stack([1 - raw, raw], axis=1) if raw.ndim == 1 else raw


def has_categories(source: Source) -> StartupError:
    """Make the error that a booster takes what arrays of numbers cannot hold."""
    return StartupError(f"{source.path}: has categorical columns, which are not served: encode them as numbers")
