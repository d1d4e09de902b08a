"""What runs models: a module per format, imported when a model needs it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from serinus_server.errors import StartupError
from serinus_server.signature import Array, Inputs, Signature
from serinus_server.source import Source

LIBRARIES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "onnx": "onnxruntime",
    "tflite": "ai_edge_litert",
}
EXTRAS = {"tflite": "litert"}


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
        StartupError: if the format's library is not installed, or the file cannot be read.
    """
    try:
        module = import_module(f"serinus_server.engines.{source.format}")
    except ImportError as error:
        extra = EXTRAS.get(source.format, source.format)
        raise StartupError(
            f"format {source.format} needs {error.name}, which is not installed here: "
            f"pip install 'serinus-server[{extra}]', or an image that has it"
        ) from error
    try:
        engine: Engine = module.load(source, options)
    except StartupError:
        raise
    except MemoryError as error:
        raise StartupError(f"{source.path}: needs more memory than this container may use") from error
    except Exception as error:  # whatever a library makes of a broken file
        told = f"{type(error).__name__}: {error}".strip()[:1000]
        raise StartupError(f"{source.path}: cannot be read as {source.format}: {told}") from error
    return engine


def library(format: str) -> str:  # noqa: A002 - the term of the API
    """Return the name and version of the library that runs a format, as loaded."""
    module = sys.modules[LIBRARIES[format]]
    return f"{LIBRARIES[format]} {getattr(module, '__version__', '')}".strip()
