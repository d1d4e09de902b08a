"""What runs models: a module per format, imported when a model needs it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Protocol

from serinus_server import __version__
from serinus_server.errors import StartupError
from serinus_server.signature import Array, Inputs, Signature
from serinus_server.source import ESTIMATORS, Source

LIBRARIES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "onnx": "onnxruntime",
    "tflite": "ai_edge_litert",
}
EXTRAS = {"onnxruntime": "onnx", "ai_edge_litert": "litert"}
"""What brings a library, where the extra is not called like it."""
OPTIONAL = {*LIBRARIES.values(), "pandas"}


@dataclass(frozen=True)
class Options:
    """How to load: whether files that run code may be, and how many threads one prediction may use."""

    allow_pickle: bool = False
    threads: int = 1


class Engine(Protocol):
    """A loaded model; `predict` may be called from several threads at once."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives, as far as the file tells."""

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Run the model.

        Args:
            inputs: As `signature` says; every table and tensor has at least one row.
            outputs: Names among those of the signature.

        Returns:
            The arrays of these outputs, the batch first.
        """


def load(source: Source, options: Options) -> Engine:
    """Load a model.

    Raises:
        StartupError: if a library that it needs is not installed, or the file cannot be read.
    """
    try:
        engine: Engine = _loader(source).load(source, options)
    except StartupError:
        raise
    except ModuleNotFoundError as error:
        raise StartupError(f"{source.path}: {_lacking(source, error)}") from error
    except MemoryError as error:
        raise StartupError(f"{source.path}: needs more memory than this container may use") from error
    except Exception as error:  # whatever a library makes of a broken file
        told = f"{type(error).__name__}: {error}".strip()[:1000]
        raise StartupError(f"{source.path}: cannot be read as {source.format}: {told}") from error
    return engine


def _loader(source: Source) -> ModuleType:
    """Import what reads a file: an estimator, whosever it is, is one of scikit-learn's kind."""
    module = import_module(f"serinus_server.engines.{source.format}")
    return import_module("serinus_server.engines.sklearn") if source.path.suffix in ESTIMATORS else module


def _lacking(source: Source, error: ModuleNotFoundError) -> str:
    """Say which library there is none of, and where there is one."""
    name = str(error.name).partition(".")[0]
    told = f"this {source.format} model needs {name}, which is not installed here: "
    if name not in OPTIONAL:
        return told + "build an image that has it"
    extra = EXTRAS.get(name, name)
    return f"{told}use the image serinus/server:{__version__}-full, or pip install 'serinus-server[{extra}]'"


def library(format: str) -> str:  # noqa: A002 - the term of the API
    """Return the name and version of the library that runs a format, as loaded."""
    module = sys.modules[LIBRARIES[format]]
    return f"{LIBRARIES[format]} {getattr(module, '__version__', '')}".strip()
