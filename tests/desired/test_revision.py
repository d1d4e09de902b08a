"""A revision is what it was when it was first seen, and its hash says only that."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.protocol import Protocol
from serinus.api.runtime import RuntimeMetrics
from serinus.api.timestamps import render
from serinus.desired import names, revision
from serinus.desired.labels import PROMOTED_AT
from serinus.desired.model import Pin

from .catalogued import serving
from .test_golden import CONFIG_MAPS, FULL, MINIMAL, NAME, NAMESPACE, PARENT, made

HASH = revision.Origin(FULL, CONFIG_MAPS).hash


def backwards(value: Any) -> Any:
    """Return the same JSON with every key in another order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def test_the_order_of_keys_does_not_matter() -> None:
    other = backwards(FULL)
    assert json.dumps(other) != json.dumps(FULL)
    assert revision.Origin(other, backwards(CONFIG_MAPS)).hash == HASH


EDITS: list[dict[str, Any]] = [
    {"image": "registry.example.com/recommender:1.4.1"}, {"port": 8001}, {"args": ["2", "--workers"]},
    {"env": []}, {"command": None}, {"metrics": None}, {"podTemplate": {}}, {"probes": {}},
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: next(iter(edit)))
def test_any_edit_of_the_runtime_is_a_new_revision(edit: dict[str, Any]) -> None:
    assert revision.Origin({**FULL, **edit}, CONFIG_MAPS).hash != HASH


@pytest.mark.parametrize(
    "contents",
    [{}, {"features": CONFIG_MAPS["features"]}, {**CONFIG_MAPS, "flags": {"data": {"FAST": "0"}}},
     {**CONFIG_MAPS, "flags": {"data": {"FAST": "1"}}}],
)  # fmt: skip
def test_any_edit_of_a_named_config_map_is_a_new_revision(contents: dict[str, Any]) -> None:
    assert revision.Origin(FULL, contents).hash != HASH


def test_nothing_but_runtime_and_config_maps_can_enter_the_hash() -> None:
    """The builder is not even told of replicas, route, rollout and analysis."""
    assert made(FULL, CONFIG_MAPS, number=1).hash == made(FULL, CONFIG_MAPS, number=9).hash == HASH
    assert len(HASH) == names.HASH_LENGTH
    assert set(HASH) <= set("0123456789abcdef")


def test_the_hash_is_of_the_runtime_as_stored_and_not_as_this_version_reads_it() -> None:
    assert revision.Origin({**MINIMAL, "command": None}, {}).hash != revision.Origin(MINIMAL, {}).hash


def test_a_hash_is_for_ever() -> None:
    """A change here would make new revisions of everybody's models at the next upgrade."""
    assert revision.Origin({"image": "model:1", "port": 8000}, {}).hash == "38940880f2"


def stored(raw: dict[str, Any], contents: dict[str, Any], stamp: str | None = None) -> dict[str, Any]:
    found = copy.deepcopy(revision.manifest(NAME, NAMESPACE, made(raw, contents, 3), PARENT, raw))
    found["metadata"] |= {"uid": "uid-revision"}
    if stamp:
        found["metadata"]["annotations"] = {PROMOTED_AT: stamp}
    return json.loads(json.dumps(found))


@pytest.mark.parametrize(("raw", "contents"), [(MINIMAL, {}), (FULL, CONFIG_MAPS)])
def test_a_revision_is_read_back_as_it_was_written(raw: dict[str, Any], contents: dict[str, Any]) -> None:
    before, after = made(raw, contents, 3), revision.read(stored(raw, contents))
    assert (after.hash, after.template, after.config_maps) == (before.hash, before.template, before.config_maps)
    assert (after.metrics, after.number, after.image) == (raw.get("metrics"), 3, raw["image"])
    assert (after.uid, after.promoted_at) == ("uid-revision", None)


@given(st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000))
def test_a_stamp_is_read_back_to_the_millisecond(at: float) -> None:
    found = revision.read(stored(MINIMAL, {}, render(at)))
    assert found.promoted_at == pytest.approx(at, abs=0.001)


@pytest.mark.parametrize("damage", ["data", "revision", "metadata"])
def test_a_record_that_is_not_ours_is_an_error(damage: str) -> None:
    broken = stored(MINIMAL, {})
    del broken[damage]
    with pytest.raises((KeyError, TypeError, ValueError)):
        revision.read(broken)


def test_the_image_is_that_of_the_model_whatever_runs_beside_it() -> None:
    sidecars = {"containers": [{"name": "a-proxy", "image": "proxy:1"}]}
    found = made({**MINIMAL, "podTemplate": {"spec": sidecars}}, {})
    assert found.image == MINIMAL["image"]


def test_copies_of_config_maps_are_immutable_and_live_with_the_record() -> None:
    before = revision.read(stored(FULL, CONFIG_MAPS))
    copies = {item["metadata"]["name"]: item for item in revision.copies(NAMESPACE, NAME, before)}
    assert set(copies) == {f"features-{HASH}", f"flags-{HASH}"}
    for item in copies.values():
        assert item["immutable"] is True
        (reference,) = item["metadata"]["ownerReferences"]
        assert (reference["kind"], reference["uid"]) == ("ControllerRevision", "uid-revision")
    assert copies[f"flags-{HASH}"]["binaryData"] == {"b": "AA=="}


@given(st.text("abcdefghij-.", min_size=1, max_size=253))
def test_the_name_of_a_copy_always_fits(name: str) -> None:
    assert len(names.config_map_copy(name, HASH)) <= 253


def test_the_templates_references_are_the_copies_names() -> None:
    spec = made(FULL, CONFIG_MAPS, 1).template["spec"]
    container = next(item for item in spec["containers"] if item["name"] == "model")
    assert container["envFrom"] == [{"configMapRef": {"name": f"flags-{HASH}"}}]
    assert {"name": "config-0", "configMap": {"name": f"features-{HASH}"}} in spec["volumes"]


MODEL = {"uri": "models:/churn@champion", "format": "sklearn", "version": "7", "gitCommit": "0123abc"}
PIN = Pin("models:/churn/7", "7")


def with_model(model: dict[str, Any] = MODEL, pin: Pin = PIN, runtime: dict[str, Any] | None = None) -> revision.Origin:
    return revision.Origin(runtime or {}, {}, model, pin)


def test_the_model_and_what_it_was_resolved_to_are_a_revision() -> None:
    known = with_model().hash
    assert known == "bac0c765a2", "a hash is for ever"
    others = [
        with_model({**MODEL, "dataVersion": "2"}),
        with_model({**MODEL, "format": "onnx"}),
        with_model(pin=Pin("models:/churn/8", "8")),
        with_model(runtime={"name": "mlserver"}),
        revision.Origin({}, {}),
    ]
    assert len({known, *(other.hash for other in others)}) == 6


def test_the_catalogue_is_not_in_the_hash_but_on_record() -> None:
    """An operator with another catalogue makes no revision, and applies what was rendered before."""
    raw = {"model": {"uri": "s3://models/churn", "format": "sklearn"}, "runtime": {"name": "mlserver"}}
    origin = revision.Origin(raw["runtime"], {}, raw["model"], Pin("s3://models/churn"))
    stored = revision.manifest(
        "churn", NAMESPACE, revision.create("churn", origin, serving(raw), 1), PARENT, raw["runtime"]
    )
    stored = json.loads(json.dumps(stored))
    stored["metadata"] |= {"uid": "uid-revision"}
    found = revision.read(stored)
    assert found.hash == origin.hash
    assert (found.runtime, found.image) == ("mlserver", "seldonio/mlserver:1.7.1")
    assert found.metrics is not None
    assert (found.metrics["requests"], found.metrics["port"]) == ("rest_server_requests_total", 8082)
    assert RuntimeMetrics.model_validate(found.metrics) == serving(raw).runtime.metrics


def test_a_runtime_without_counters_is_read_back_without() -> None:
    raw = {"model": {"uri": "s3://models/churn", "format": "sklearn"}, "runtime": {"name": "kserve-sklearn"}}
    origin = revision.Origin(raw["runtime"], {}, raw["model"], Pin("s3://models/churn"))
    stored = revision.manifest(
        "churn", NAMESPACE, revision.create("churn", origin, serving(raw), 1), PARENT, raw["runtime"]
    )
    stored["metadata"] |= {"uid": "uid-revision"}
    assert revision.read(stored).metrics is None


def test_status_tells_what_a_model_was_made_from() -> None:
    made_from = revision.create("churn", with_model(), serving({"model": MODEL}), 1).made_from
    assert made_from is not None
    assert made_from.model_dump(exclude_none=True) == {
        "uri": "models:/churn/7", "format": "sklearn", "version": "7", "git_commit": "0123abc",
    }  # fmt: skip
    assert made(FULL, CONFIG_MAPS).made_from is None


@pytest.mark.parametrize(
    ("runtime", "protocols"),
    [
        ({"port": 8000}, {Protocol.HTTP}),
        ({"grpcPort": 9000}, {Protocol.GRPC}),
        ({"port": 8000, "grpcPort": 9000}, set(Protocol)),
        ({"port": 8000, "podTemplate": {"spec": {"containers": [{"name": "b", "ports": [{"name": "grpc", "containerPort": 1}]}]}}}, {Protocol.HTTP}),
        ({"port": 8000, "podTemplate": {"spec": {"containers": [{"name": "model", "ports": None}]}}}, {Protocol.HTTP}),
    ],
)  # fmt: skip
def test_the_ports_of_its_container_tell_what_a_revision_serves(
    runtime: dict[str, Any], protocols: set[Protocol]
) -> None:
    """It is not asked of the spec or the catalogue, which may say something else by now."""
    assert made({"image": "a:1", **runtime}, {}).protocols == protocols
