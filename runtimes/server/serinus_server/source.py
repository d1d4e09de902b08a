"""Which file holds the model and in which format, told by its name, its first bytes, or MLflow's MLmodel."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import yaml

from serinus_server.errors import StartupError
from serinus_server.settings import Format

PICKLES = (".joblib", ".pkl", ".pickle")
ESTIMATORS = (".skops", *PICKLES)
"""Files of estimators in scikit-learn's manner; XGBoost and LightGBM have such as well."""

SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sklearn": ESTIMATORS,
        "xgboost": (".ubj", ".json", ".xgb", ".bst", *ESTIMATORS),
        "lightgbm": (".txt", ".lgb", ".lgbm", *ESTIMATORS),
        "onnx": (".onnx",),
        "tflite": (".tflite",),
    }
)
FORMATS = get_args(Format)
_FLAVOURS = {"sklearn": "pickled_model", "xgboost": "data", "lightgbm": "data", "onnx": "data"}


@dataclass(frozen=True)
class Source:
    """A model's file, its format, and what MLflow noted about it (empty without MLflow)."""

    path: Path
    format: str
    notes: Mapping[str, Any] = field(default_factory=dict)


def find(path: Path, wanted: str | None) -> Source:
    """Find the model in a file or folder.

    Raises:
        StartupError: if there is none, more than one, or one of another format than wanted.
    """
    if not path.exists():
        raise StartupError(f"SERINUS_MODEL_PATH={path}: no such file or folder; mount the model there")
    if (noted := path / "MLmodel").is_file():
        return _of_mlflow(noted, wanted)
    if path.is_file():
        return Source(path, _format_of(path, wanted))
    suffixes = SUFFIXES[wanted] if wanted else [suffix for known in SUFFIXES.values() for suffix in known]
    present = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    found = [child for child in present if child.is_file() and child.suffix in suffixes]
    if len(found) == 1:
        return Source(found[0], _format_of(found[0], wanted))
    if found:
        names = ", ".join(child.name for child in found)
        raise StartupError(f"SERINUS_MODEL_PATH={path}: {names}: more than one model; name the file")
    held = ", ".join(child.name for child in present[:10]) or "nothing"
    told = f"a {wanted} model ({', '.join(suffixes)})" if wanted else f"a model ({', '.join(suffixes)}) or MLmodel"
    raise StartupError(f"SERINUS_MODEL_PATH={path}: holds {held}, but not {told}")


def _format_of(path: Path, wanted: str | None) -> str:
    found = next((name for name, suffixes in SUFFIXES.items() if path.suffix in suffixes), None)
    if found is None and wanted is None:
        raise StartupError(f"{path}: its name tells no format; set SERINUS_MODEL_FORMAT to one of {', '.join(FORMATS)}")
    if wanted and found and path.suffix not in SUFFIXES[wanted]:
        raise StartupError(
            f"SERINUS_MODEL_FORMAT={wanted}, but {path} is named like {found}: set the format to {found}"
        )
    return wanted or str(found)


def _of_mlflow(noted: Path, wanted: str | None) -> Source:
    try:
        notes = yaml.safe_load(noted.read_text())
        flavours = notes["flavors"]
        name = next(name for name in ([wanted] if wanted else _FLAVOURS) if name in flavours)
        file = flavours[name][_FLAVOURS[name]]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise StartupError(f"{noted}: cannot be read as MLflow's description of a model: {error!r}") from error
    except StopIteration:
        held = ", ".join(flavours)
        raise StartupError(f"{noted}: has the flavours {held}; served are {wanted or ', '.join(_FLAVOURS)}") from None
    path = noted.parent / str(file)
    if not path.exists():
        raise StartupError(f"{noted}: names {file}, which is not there")
    return Source(path, name, notes)


def example_of(source: Source) -> Any:
    """Return the payload that MLflow saved as an example with the model, or None."""
    info = source.notes.get("saved_input_example_info")
    if not isinstance(info, Mapping):
        return None
    path = source.path.parent / str(info.get("serving_input_path", "serving_input_example.json"))
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
