"""Specs that are refused, and what is still known of them."""

from typing import Any

import pytest

from serinus.api.v1alpha1 import Rollout
from serinus.reconcile.target import Refused, lenient_spec, parse_spec

RUNTIME = {"image": "model:1", "port": 8080}


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"rollout": {"drain": "9999h"}}, id="wrong"),
        pytest.param({"rollout": {"drain": "9999h"}, "analysis": {"maxDuration": "30s"}}, id="default-does-not-fit"),
    ],
)
def test_defaults_stand_in_for_what_is_wrong(parts: dict[str, Any]) -> None:
    spec = lenient_spec({"replicas": 2, "runtime": RUNTIME, **parts})
    assert spec is not None
    assert (spec.replicas, spec.rollout) == (2, Rollout())


@pytest.mark.parametrize("parts", [{"route": {"gateway": 1}}, {"replicas": "many"}])
def test_nothing_stands_in_for_route_and_size(parts: dict[str, Any]) -> None:
    assert lenient_spec({"runtime": RUNTIME, **parts}) is None


NEWER: dict[str, Any] = {"analysis": {"minimumRequests": 7, "novelty": True}, "novelties": [1]}
"""What the CRD of a newer version fills in before its operator runs."""


def test_what_only_a_newer_version_knows_is_left_out() -> None:
    assert parse_spec({"runtime": RUNTIME, **NEWER}).analysis.minimum_requests == 7
    spec = lenient_spec({"runtime": RUNTIME, **NEWER, "rollout": {"drain": "9999h"}})
    assert spec is not None
    assert (spec.analysis.minimum_requests, spec.rollout) == (7, Rollout())


def test_a_field_of_the_revision_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Refused, match=r"spec\.runtime\.novelty: Extra inputs are not permitted \(it is '1'\)$"):
        parse_spec({"runtime": {**RUNTIME, "novelty": 1}, **NEWER})


def test_only_what_is_wrong_is_told_beside_what_nobody_knows() -> None:
    with pytest.raises(Refused, match=r"^spec\.replicas: [^;]*$"):
        parse_spec({"runtime": RUNTIME, "replicas": "many", **NEWER})
