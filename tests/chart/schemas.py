"""Schemas for kubeconform from Kubernetes' own OpenAPI document and from CRDs, in which no unknown field is allowed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
TEMPLATE = "{{.ResourceKind}}{{.KindSuffix}}.json"
"""How kubeconform finds a schema in the folder."""
_EITHER = {"anyOf": [{"type": "string"}, {"type": "number"}]}
_PREFIX = "#/definitions/"


def write(folder: Path, swagger: Path, crds: Iterable[Path]) -> None:
    """Write a schema for every kind of an OpenAPI document and of some CRDs."""
    definitions: dict[str, Schema] = json.loads(swagger.read_text())["definitions"]
    strict = {name: _strict(definition) for name, definition in definitions.items()}
    strict["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = _EITHER
    strict["io.k8s.apimachinery.pkg.api.resource.Quantity"] = _EITHER
    for name, definition in definitions.items():
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:  # others are about deletion, and belong to every group
            needed = _reached(name, strict)
            schema = {**strict[name], "definitions": {one: strict[one] for one in needed}}
            _file(folder, kinds[0]["kind"], kinds[0]["group"], kinds[0]["version"]).write_text(json.dumps(schema))
    for file in crds:
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}  # the API server knows it, the CRD does not
            _file(folder, spec["names"]["kind"], spec["group"], version["name"]).write_text(json.dumps(schema))


def _file(folder: Path, kind: str, group: str, version: str) -> Path:
    return folder / ("-".join(filter(None, (kind.lower(), group.partition(".")[0], version))) + ".json")


def _strict(schema: Any) -> Any:
    """Return a schema in which objects with known fields hold no other ones."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return _EITHER
    found = {key: _strict(value) for key, value in schema.items()}
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        found["additionalProperties"] = False
    return found


def _reached(name: str, definitions: dict[str, Schema]) -> set[str]:
    """Return the definitions that one refers to, however far."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += [part.removeprefix(_PREFIX) for part in _references(definitions[one])]
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [one for part in schema for one in _references(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    return own + [one for part in schema.values() for one in _references(part)]
