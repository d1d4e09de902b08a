"""The generated CustomResourceDefinition: fresh, structural, small, and without defaults in a revision."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.crd import custom_resource_definition, structural

CRDS = Path(__file__).parents[2] / "crds"
FILE = CRDS / "serinus.dev_modeldeployments.yaml"
TYPES = {"object", "array", "string", "integer", "number", "boolean"}

VERSION = custom_resource_definition()["spec"]["versions"][0]
SCHEMA: dict[str, Any] = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


NODES = dict(nodes(SCHEMA))


def test_the_walk_sees_the_whole_schema() -> None:
    assert {".spec.runtime.probes.readiness", ".spec.rollout.steps[].weight", ".status.rollout.failed[].time"} <= set(
        NODES
    )
    assert len(NODES) > 100


def test_the_committed_file_is_what_the_models_describe() -> None:
    found = importlib.util.spec_from_file_location("generate_crds", CRDS / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    assert FILE.read_text() == module.render(), "run `make crds`"


def test_the_committed_file_is_small() -> None:
    assert FILE.stat().st_size < 100 * 1024


@pytest.mark.parametrize("word", ["$ref", "$defs", "anyOf", "allOf", "oneOf", "title", "additionalProperties", "const"])
def test_no_word_that_is_not_structural(word: str) -> None:
    assert [path for path, node in NODES.items() if word in node] == []


def test_every_node_has_one_type() -> None:
    assert {path: node.get("type") for path, node in NODES.items() if node.get("type") not in TYPES} == {}


def test_nothing_is_null() -> None:
    def nulls(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(nulls, value.values()))
        return any(map(nulls, value)) if isinstance(value, list) else value is None

    assert not nulls(custom_resource_definition())


def test_every_array_says_what_it_holds_and_every_bound_fits_the_api_server() -> None:
    for path, node in NODES.items():
        assert ("items" in node) == (node["type"] == "array"), path
        for bound in ("exclusiveMinimum", "exclusiveMaximum"):
            assert node.get(bound, True) is True, path
            assert bound not in node or bound[9:].lower() in node, path


def test_nothing_in_a_revision_has_a_default() -> None:
    """The API server would write a changed default into stored objects and roll everybody."""
    revision = [path for path in NODES if path.startswith((".spec.runtime", ".spec.model"))]
    assert {".spec.model.secretRef.name", ".spec.runtime.metrics.latencyUnit"} <= set(revision)
    assert [path for path in revision if "default" in NODES[path]] == []
    assert "default" not in NODES[".spec"]


def test_what_is_open_is_an_object_and_nothing_else() -> None:
    for path, node in NODES.items():
        if node.get("x-kubernetes-preserve-unknown-fields"):
            assert node["type"] == "object", path
            assert "properties" not in node, path


def test_every_field_of_the_spec_is_described() -> None:
    missing = [
        path
        for path, node in NODES.items()
        if path.startswith(".spec.") and "[]" not in path[-2:] and not node.get("description")
    ]
    assert missing == []


def test_defaults_of_durations_are_written_as_people_write_them() -> None:
    steps = NODES[".spec.rollout.steps[].minDuration"]
    assert (steps["type"], steps["default"]) == ("string", "1m")
    for path, node in NODES.items():
        if "pattern" in node and "default" in node:
            assert re.fullmatch(node["pattern"], node["default"]), path


def test_the_default_of_an_optional_field_is_absent() -> None:
    assert "default" not in NODES[".spec.route"]
    assert "required" not in NODES[".spec"]


def test_the_rules_that_the_api_server_checks() -> None:
    ruled = {
        path: node["x-kubernetes-validations"] for path, node in NODES.items() if "x-kubernetes-validations" in node
    }
    assert set(ruled) == {
        "",
        ".spec",
        ".spec.model",
        ".spec.runtime",
        ".spec.runtime.predictionLog",
        ".spec.autoscaling",
        ".spec.rollout",
        ".spec.rollout.steps",
        ".spec.analysis",
        ".spec.analysis.errorRate",
        ".spec.analysis.latency",
        ".spec.analysis.means",
        ".spec.analysis.means[]",
        ".spec.analysis.metrics",
        ".spec.analysis.metrics[]",
    }
    assert all(rule["rule"] and rule["message"] for rules in ruled.values() for rule in rules)


def test_conditions_merge_by_type() -> None:
    node = NODES[".status.conditions"]
    assert (node["x-kubernetes-list-type"], node["x-kubernetes-list-map-keys"]) == ("map", ["type"])
    assert "type" in node["items"]["required"]


def test_subresources_and_columns_point_at_fields_that_exist() -> None:
    scale = VERSION["subresources"]["scale"]
    assert {path for path in scale.values() if path not in NODES} == set()
    assert VERSION["subresources"]["status"] == {}
    for column in VERSION["additionalPrinterColumns"]:
        path = re.sub(r"\[\?.*\]", "[]", column["jsonPath"])
        assert path in NODES or path.startswith(".metadata."), column
    assert [c["name"] for c in VERSION["additionalPrinterColumns"] if not c.get("priority")] == [
        "Ready", "Phase", "Stable", "Canary", "Weight", "Age",
    ]  # fmt: skip


def test_the_file_is_one_document_of_yaml() -> None:
    assert yaml.safe_load(FILE.read_text())["metadata"]["name"] == "modeldeployments.serinus.dev"


def test_a_reference_keeps_what_is_said_beside_it() -> None:
    found = structural(
        {"$ref": "#/$defs/A", "description": "here"}, {"A": {"type": "string", "title": "A", "description": "there"}}
    )
    assert found == {"type": "string", "description": "here"}


def test_only_a_gateway_is_named_with_its_namespace() -> None:
    """A new reference that crosses namespaces has to be thought over: who grants it?"""
    words = {path.rpartition(".")[2].lower() for path in NODES if path.startswith(".spec")}
    assert not {word for word in words if "namespace" in word}
    crossing = {
        path
        for path, node in NODES.items()
        if path.startswith(".spec") and "pattern" in node and re.search(node["pattern"], "other/public")
    }
    assert ".spec.route.gateway" in crossing
    assert not {path for path in crossing if path.lower().endswith(("ref", "ref.name", "name", "names"))}
