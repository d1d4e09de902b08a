"""A spec that cannot be served is refused with the field, its value and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from serinus.api.v1alpha1 import ModelDeploymentSpec, OnHold
from serinus.reconcile.target import Refused, parse_spec

MINIMAL: dict[str, Any] = {"runtime": {"image": "model:1", "port": 8000}}


def with_(path: str, value: Any) -> dict[str, Any]:
    raw = json.loads(json.dumps(MINIMAL))
    *folders, name = path.split(".")
    place = raw
    for folder in folders:
        place = place.setdefault(folder, {})
    place[name] = value
    return raw


STEP = {"weight": 10}
BAD = [
    ("replicas", 0, "spec.replicas: ", "greater than or equal to 1", "0"),
    ("replicas", "many", "spec.replicas: ", "valid integer", "many"),
    ("runtime.port", 70000, "spec.runtime.port: ", "less than or equal to 65535", "70000"),
    ("runtime.image", "", "spec.runtime.image: ", "at least 1 character", "''"),
    ("runtime.imagee", "x", "spec.runtime.imagee: ", "not permitted", "x"),
    ("runtime.metrics", {"errors": "5(.."}, "spec.runtime.metrics.errors: ", "not a regular expression", "5(.."),
    ("runtime.metrics", {"requests": "a b"}, "spec.runtime.metrics.requests: ", "match pattern", "a b"),
    (
        "runtime.podTemplate",
        {"metadata": "x"},
        "spec.runtime.podTemplate: ",
        "metadata is 'x' but must be an object",
        "x",
    ),
    ("runtime.podTemplate", {"spec": []}, "spec.runtime.podTemplate: ", "spec is '[]' but must be an object", "[]"),
    ("runtime.podTemplate", {"metadata": {"labels": 5}}, "spec.runtime.podTemplate: ", "metadata.labels is '5'", "5"),
    ("runtime.configMaps", [{"name": "UPPER"}], "spec.runtime.configMaps[0].name: ", "match pattern", "UPPER"),
    ("route", {"gateway": "a/b/c"}, "spec.route.gateway: ", "match pattern", "a/b/c"),
    ("route", {"gateway": "a", "hostnames": ["x_y"]}, "spec.route.hostnames[0]: ", "match pattern", "x_y"),
    ("rollout.drain", "30", "spec.rollout.drain: ", "write it like 30s", "30"),
    ("rollout.steps", [], "spec.rollout.steps: ", "at least 1 item", "[]"),
    ("rollout.steps", [{"weight": 0}], "spec.rollout.steps[0].weight: ", "greater than or equal to 1", "0"),
    ("rollout.steps", [STEP, STEP], "spec.rollout: ", "steps[1].weight is 10 but must be above the 10", "steps"),
    ("rollout.steps", [{"weight": 96}], "spec.rollout: ", "steps[0].weight is 96 but may be 95 at most", "steps"),
    ("rollout.watchWeight", 51, "spec.rollout.watchWeight: ", "less than or equal to 50", "51"),
    ("analysis.alpha", 0, "spec.analysis.alpha: ", "greater than 0", "0"),
    ("analysis.onBlind", "Panic", "spec.analysis.onBlind: ", "'Hold', 'Promote' or 'Rollback'", "Panic"),
    ("analysis.metrics", [{"name": "p99", "query": "x"}], "spec.analysis.metrics[0]: ", "set min, max or both", "p99"),
    ("analysis.prometheus", {"address": "ftp://x"}, "spec.analysis.prometheus.address: ", "match pattern", "ftp://x"),
    ("analysis.prometheus", {"address": "http://u:p@x"}, "spec.analysis.prometheus.address: ", "match pattern", "@x"),
]


@pytest.mark.parametrize(("path", "value", "field", "remedy", "shown"), BAD, ids=[f"{bad[0]}={bad[1]}" for bad in BAD])
def test_a_refusal_names_field_value_and_remedy(path: str, value: Any, field: str, remedy: str, shown: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_spec(with_(path, value))
    problem = refused.value.problem
    assert problem.reason == "InvalidSpec"
    assert problem.message.startswith(field)
    assert remedy in problem.message
    assert shown in problem.message


def test_two_metrics_of_one_name_are_refused() -> None:
    metric = {"name": "p99", "query": "x", "max": 1}
    with pytest.raises(Refused, match=r"metrics\[1\]\.name 'p99' is used twice: give every metric its own name"):
        parse_spec(with_("analysis.metrics", [metric, metric]))


def test_a_spec_without_a_runtime_says_so() -> None:
    with pytest.raises(Refused, match=r"spec\.runtime: Field required"):
        parse_spec({})


def test_several_mistakes_are_told_at_once() -> None:
    raw = {**with_("replicas", 0), "rollout": {"drain": "soon"}}
    with pytest.raises(Refused) as refused:
        parse_spec(raw)
    assert refused.value.problem.message.count("spec.") == 2
    assert "spec.replicas: " in refused.value.problem.message
    assert "spec.rollout.drain: " in refused.value.problem.message


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_something_else_in_the_place_of_a_spec_is_refused(raw: Any) -> None:
    with pytest.raises(Refused, match=r"^spec: "):
        parse_spec(raw)


# What a small spec means


def test_the_smallest_spec_has_safe_defaults() -> None:
    spec = parse_spec(MINIMAL)
    assert (spec.replicas, spec.route, spec.rollout.watch_weight) == (1, None, 5)
    assert [step.weight for step in spec.rollout.steps] == [5, 25, 50]
    assert (spec.analysis.alpha, spec.analysis.on_blind, spec.analysis.on_inconclusive) == (
        0.01,
        OnHold.HOLD,
        OnHold.HOLD,
    )


def test_a_spec_survives_the_wire() -> None:
    raw = {**MINIMAL, "route": {"gateway": "infra/public", "timeout": "1m30s"}, "rollout": {"steps": [{"weight": 7}]}}
    spec = parse_spec(raw)
    wire = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert wire["route"]["timeout"] == "1m30s"
    assert parse_spec(wire) == spec


def test_a_spec_is_frozen() -> None:
    spec = ModelDeploymentSpec.model_validate(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        spec.replicas = 5


@pytest.mark.parametrize(("edit", "final"), [({}, 95), ({"watchWeight": 0}, 100), ({"watchAfterPromotion": "0s"}, 100)])
def test_the_weight_of_a_promotion(edit: dict[str, Any], final: int) -> None:
    assert parse_spec({**MINIMAL, "rollout": edit}).rollout.final_weight == final
