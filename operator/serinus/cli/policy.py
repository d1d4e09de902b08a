"""The policy to replay: `spec.analysis`, from a file of its own or out of a manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import KIND, Analysis, ModelSource, Runtime, RuntimeMetrics
from serinus.metrics import pods
from serinus.runtimes.catalogue import Unserved
from serinus.runtimes.loading import Images
from serinus.runtimes.loading import load as catalogue

_Kind = TypeVar("_Kind", bound=BaseModel)


class BadPolicy(Exception):  # noqa: N818 - what it says of the policy
    """The policy is refused; the message names the field, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What to replay.

    Attributes:
        analysis: how a canary is judged.
        metrics: how the model's pods name their counters.
    """

    analysis: Analysis = field(default_factory=Analysis)
    metrics: RuntimeMetrics = field(default_factory=RuntimeMetrics)


def load(text: str) -> Policy:
    """Return the policy of a YAML text: `spec.analysis` itself, or a manifest that holds it.

    Raises:
        BadPolicy: it is not YAML, or not a policy.
    """
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise BadPolicy(f"is not YAML: {' '.join(str(error).split())}") from None
    if not documents:
        return Policy()
    if not any(_is_manifest(document) for document in documents):
        if len(documents) > 1:
            raise BadPolicy(f"holds {len(documents)} documents: expected one, the fields of spec.analysis")
        return Policy(_validated(Analysis, documents[0], ""))
    found = [document for document in documents if _is_manifest(document) and document.get("kind") == KIND]
    if len(found) != 1:
        raise BadPolicy(f"holds {len(found)} manifests of kind {KIND}: expected one")
    spec = found[0].get("spec")
    if not isinstance(spec, dict):
        raise BadPolicy(f"spec is {spec!r} but must be an object")
    return Policy(_validated(Analysis, spec.get("analysis") or {}, "spec.analysis"), _counters(spec))


def _counters(spec: dict[str, Any]) -> RuntimeMetrics:
    """Return what the pods of a spec count under: as it says, as the built-in catalogue does, or the usual names."""
    runtime, model = spec.get("runtime"), spec.get("model")
    metrics = runtime.get("metrics") if isinstance(runtime, dict) else None
    if metrics is not None:
        told = _validated(RuntimeMetrics, metrics, "spec.runtime.metrics")
        grpc_alone = isinstance(runtime, dict) and "grpcPort" in runtime and "port" not in runtime
        return pods.of_protocols(told, [Protocol.GRPC] if grpc_alone else list(Protocol))
    wanted = _validated(Runtime, runtime, "spec.runtime") if runtime else Runtime()
    try:
        picked = catalogue("", Images("-", "-", "-", "-")).pick(
            wanted, _validated(ModelSource, model, "spec.model") if model else None
        )
    except Unserved:
        picked = None
    return (picked[1].metrics if picked else None) or RuntimeMetrics()


def _is_manifest(document: Any) -> bool:
    return isinstance(document, dict) and ("kind" in document or "spec" in document)


def _validated(model: type[_Kind], raw: Any, prefix: str) -> _Kind:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        parts = [
            f"{_path(prefix, detail['loc'])}: {_told(detail['type'], detail['msg'])} (it is {str(detail['input'])[:80]!r})"
            for detail in error.errors()
        ]
        raise BadPolicy("; ".join(parts[:5])) from None


def _told(kind: str, message: str) -> str:
    return "there is no such field" if kind == "extra_forbidden" else message.removeprefix("Value error, ")


def _path(prefix: str, location: tuple[int | str, ...]) -> str:
    text = prefix
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "the policy"
