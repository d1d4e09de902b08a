"""The model as it is served: loaded, warmed, with the name and version that replies carry."""

import logging
from dataclasses import dataclass, replace

from serinus_server import engines
from serinus_server.engines import Engine
from serinus_server.errors import InvalidInputError, StartupError
from serinus_server.protocols import plain
from serinus_server.settings import Settings
from serinus_server.signature import Inputs, Signature, Tensor, datatype, zeros
from serinus_server.source import Source, example_of, find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A model that answers."""

    name: str
    version: str
    platform: str
    engine: Engine
    signature: Signature


def load(settings: Settings) -> Served:
    """Find, load and warm the model.

    Raises:
        StartupError: if it cannot be served.
    """
    source = find(settings.model_path, settings.model_format)
    engine = engines.load(source, engines.Options(settings.allow_pickle, settings.threads))
    return Served(
        name=settings.model_name,
        version=settings.model_version,
        platform=engines.library(source.format),
        engine=engine,
        signature=_warmed(engine, source),
    )


def _warmed(engine: Engine, source: Source) -> Signature:
    """Predict once, so that no caller pays for what happens at first, and note the outputs as they came."""
    signature = engine.signature
    example = _example(signature, source)
    if example is None and not signature.inputs:
        return signature  # nobody knows what it takes
    try:
        found = engine.predict(zeros(signature) if example is None else example, signature.output_names)
    except Exception as error:
        if example is not None:
            raise StartupError(f"{source.path}: fails on the example saved with it: {error!r}") from error
        # Zeros and empty strings may be nothing that this model knows. Its callers will be better at it.
        log.warning("not warmed, the model does not take a row of zeros: %r", error)
        return signature
    outputs = (Tensor(name, datatype(array.dtype), (-1, *array.shape[1:])) for name, array in found.items())
    return replace(signature, outputs=tuple(outputs))


def _example(signature: Signature, source: Source) -> Inputs | None:
    payload = example_of(source)
    if payload is None:
        return None
    try:
        return plain.example(payload, signature)
    except InvalidInputError as error:
        log.warning("the example saved with the model does not fit its signature: %s", error)
        return None
