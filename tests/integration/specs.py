"""Specs that nobody would write: made at random from the CRD's schema and the examples, then mutated."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml

from .stand import ROOT

Json = Any
LONGEST_LIST = 3
MOST_MUTATIONS = 4
MOST_PODS = 3

STRINGS = (
    "", " ", "a", "public", "a/b", "registry.test/model:1", "registry.test/model", "model:latest", "/", "/predict", "/é",
    "shop.test", "*.shop.test", "http_requests_total", "status", "30s", "1h30m", "0s", "500ms", "99999999h", "-1s", "30", "3 s",
    "5..", "5[", "(", "(a+)+$", "$revision", "up", "sum(rate(x[1m]))", "http://prometheus:9090", "ftp://x", "http://", "NaN",
    "Infinity", "null", "true", "1e308", "100m", "64Mi", "much", "\u0000", "\n", "\u202e", "ünïcödé", "模型", "🐤", "é" * 300, "a" * 5000,
    "{{ .Values.x }}", "'; drop table", "../../etc/passwd", "%s%n", "__proto__",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    -1,
    2,
    5,
    50,
    95,
    99,
    100,
    101,
    65535,
    65536,
    2**31,
    2**53,
    -(2**63),
    0.0,
    0.5,
    0.05,
    -0.1,
    1.5,
    1e-300,
    1e300,
)
NAMES = ("name", "spec", "metadata", "labels", "containers", "value", "resources", "limits", "cpu", "env", "port", "x")
FRAGMENTS: tuple[Json, ...] = (
    {"spec": {"nodeSelector": {"gpu": "yes"}}},
    {"metadata": {"labels": {"team": "a"}}},
    {"spec": {"containers": [{"name": "model", "image": "other:1"}, {"name": "agent"}]}},
    {"spec": {"containers": "none"}},
    {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
    {"httpGet": {"path": "/", "port": "http"}},
    {"tcpSocket": {"port": 99999}},
    {"limits": {"cpu": "1", "memory": "64Mi"}},
    {"requests": {"cpu": -1}},
    {"name": "A", "value": "1"},
    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    {"name": "", "value": 1},
)


class Specs:
    """An endless supply of specs; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not a secret
        crd = yaml.safe_load((ROOT / "crds" / "serinus.dev_modeldeployments.yaml").read_text())
        self._schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        documents = (
            part
            for file in sorted((ROOT / "examples").rglob("*.yaml"))
            for part in yaml.safe_load_all(file.read_text())
        )
        self._examples = [part["spec"] for part in documents if part and part.get("kind") == "ModelDeployment"]

    def __iter__(self) -> Iterator[Json]:
        while True:
            chance = self._random
            spec = deepcopy(chance.choice(self._examples)) if chance.random() < 0.5 else self._made(self._schema)
            for _ in range(chance.randint(0, MOST_MUTATIONS)):
                spec = self._mutated(spec)
            yield _affordable(spec)

    def _made(self, schema: Json) -> Json:  # noqa: PLR0911 - a case for each type
        """Return a value that mostly fits a schema."""
        chance = self._random
        if "enum" in schema:
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return deepcopy(chance.choice(FRAGMENTS)) if chance.random() < 0.8 else self._anything(2)
        if kind == "object":
            required = schema.get("required", [])
            parts = schema.get("properties", {})
            return {key: self._made(part) for key, part in parts.items() if key in required or chance.random() < 0.35}
        if kind == "array":
            longest = min(LONGEST_LIST, schema.get("maxItems", LONGEST_LIST))
            return [self._made(schema["items"]) for _ in range(chance.randint(0, longest))]
        if kind == "boolean":
            return chance.random() < 0.5
        if kind in {"integer", "number"}:
            low, high = schema.get("minimum", 0), schema.get("maximum", 100)
            return chance.randint(int(low), int(high)) if kind == "integer" else chance.uniform(low, high)
        fitting = [text for text in STRINGS if re.search(schema.get("pattern", ""), text) and text]
        return chance.choice(fitting or STRINGS)

    def _anything(self, depth: int) -> Json:
        chance = self._random
        kind = chance.randrange(6 if depth else 4)
        if kind == 4:
            return [self._anything(depth - 1) for _ in range(chance.randint(0, 3))]
        if kind == 5:
            return {
                chance.choice((*NAMES, *STRINGS[:6])): self._anything(depth - 1) for _ in range(chance.randint(0, 3))
            }
        return (chance.choice(STRINGS), chance.choice(NUMBERS), chance.random() < 0.5, None)[kind]

    def _mutated(self, spec: Json) -> Json:
        """Return a spec with one thing wrong, or at least odd."""
        chance = self._random
        places = list(_places(spec)) if isinstance(spec, dict | list) else []
        if not places:
            return self._anything(2)
        holder, key = chance.choice(places)
        value = holder[key]
        kind = chance.randrange(7)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, list):
            holder.insert(key, deepcopy(value))
        elif kind == 2:
            holder[key] = [value] if chance.random() < 0.5 else str(value)
        elif kind == 3:
            other, place = chance.choice(places)
            if place in (other if isinstance(other, dict) else range(len(other))):
                holder[key] = deepcopy(other[place])
        elif kind == 4 and isinstance(holder, dict):
            holder[chance.choice(NAMES)] = self._anything(2)
        elif isinstance(value, bool | int | float) and not isinstance(value, bool):
            holder[key] = chance.choice(NUMBERS)
        elif isinstance(value, str):
            holder[key] = chance.choice(STRINGS)
        else:
            holder[key] = self._anything(2)
        return spec


def _places(value: Json) -> Iterator[tuple[Json, Any]]:
    """Give every value inside as its holder and its key or index."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _affordable(spec: Json) -> Json:
    """Return a spec that asks for few pods: a refused number stays as it is."""
    if isinstance(spec, dict) and isinstance(count := spec.get("replicas"), int) and 1 <= count <= 10000:
        spec["replicas"] = 1 + count % MOST_PODS
    return spec
