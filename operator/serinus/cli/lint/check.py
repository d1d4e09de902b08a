"""Checks one ModelDeployment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from serinus import __version__
from serinus.api import problems
from serinus.api.crd import NAME_NO_LABEL, NAME_PATTERN, NAME_TOO_LONG
from serinus.api.v1alpha1 import GROUP, KIND, MAX_NAME, VERSION, ModelDeploymentSpec
from serinus.cli.lint import shape
from serinus.cli.lint.documents import Place
from serinus.cli.trouble import nearest
from serinus.desired import revision
from serinus.desired.model import Pin
from serinus.desired.refusal import refusal
from serinus.desired.serving import resolve
from serinus.runtimes.catalogue import Catalogue, Unserved
from serinus.runtimes.loading import Images, load

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA = (
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
Found = Iterator[tuple[Place, str]]
"""Where, from the whole object on, and what is wrong there."""


def catalogue(over: str) -> Catalogue:
    """Return the catalogue of runtimes that the operator has by itself, with a file laid over it.

    Raises:
        SystemExit: the file is no catalogue.
    """
    server = f"serinus/server:{__version__}"
    return load(
        over, Images(server, f"{server}-full", f"serinus/storage:{__version__}", f"serinus/logger:{__version__}")
    )


def is_ours(content: Any) -> bool:
    """Tell whether an object is, or means to be, a ModelDeployment."""
    if not isinstance(content, dict):
        return False
    return str(content.get("apiVersion", "")).partition("/")[0] == GROUP or content.get("kind") == KIND


def check(content: dict[str, Any], runtimes: Catalogue) -> Found:
    """Yield what is wrong with an object: where, and in words."""
    wanted = f"{GROUP}/{VERSION}"
    if content.get("apiVersion") != wanted:
        yield ("apiVersion",), f"apiVersion is {content.get('apiVersion')!r}, but must be {wanted}"
    if content.get("kind") != KIND:
        yield ("kind",), f"kind is {content.get('kind')!r}: did you mean {KIND}?"
        return
    for key in content.keys() - set(_TOP):
        yield (key,), f"{key}: unknown field: {nearest(str(key), _TOP)}"
    yield from _metadata(content.get("metadata"))
    if "spec" not in content:
        yield (), "spec: is missing, but required"
        return
    for place, text in _spec(str((content.get("metadata") or {}).get("name") or "model"), content["spec"], runtimes):
        yield ("spec", *place), text


def _metadata(metadata: Any) -> Found:
    if not isinstance(metadata, dict):
        yield ("metadata",), "metadata must be an object with a name"
        return
    for key in metadata.keys() - set(_METADATA):
        yield ("metadata", key), f"metadata.{key}: unknown field: {nearest(str(key), _METADATA)}"
    name = metadata.get("name")
    if name is None and metadata.get("generateName"):
        return
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN[1:-1], name):
        yield ("metadata", "name"), f"{NAME_NO_LABEL} (it is {name!r})"
    elif len(name) > MAX_NAME:
        yield ("metadata", "name"), f"{NAME_TOO_LONG} (it has {len(name)})"
    for key in ("labels", "annotations"):
        parts = metadata.get(key) or {}
        for label, value in parts.items() if isinstance(parts, dict) else ():
            if not isinstance(value, str):
                yield (
                    ("metadata", key, label),
                    f"metadata.{key}.{label} is {value!r}, but must be a text: put it in quotes",
                )


def _spec(name: str, spec: Any, runtimes: Catalogue) -> Found:
    """Yield what is wrong with a spec; a place is told of once."""
    expected, told = shape.schema(), set()
    for place, text in shape.misfits(spec, expected):
        told.add(place)
        yield place, f"{problems.path(place)}: {text}"
    if not isinstance(spec, dict):
        return
    try:
        read = ModelDeploymentSpec.model_validate(shape.without_nulls(spec, expected))
    except ValidationError as error:
        for place, text in problems.found(error):
            if not any(place[: len(known)] == known for known in told):
                yield place, f"{problems.path(place)}: {text}"
        return
    if told:
        return
    if why := _unservable(name, spec, read, runtimes):
        yield (), why


def _unservable(name: str, raw: dict[str, Any], spec: ModelDeploymentSpec, runtimes: Catalogue) -> str:
    """Return why the operator would refuse a spec that is valid by itself; empty when it would not."""
    pin = Pin(spec.model.uri) if spec.model else None
    origin = revision.Origin(raw.get("runtime") or {}, {}, raw.get("model"), pin)
    try:
        serving = resolve(name, origin.hash, spec, pin, runtimes)
    except Unserved as unserved:
        return str(unserved)
    return refusal(spec, revision.create(name, origin, serving, 1))
