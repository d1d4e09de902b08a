"""Specs that are refused, and what is still known of them."""

from typing import Any

import pytest

from serinus.api.v1alpha1 import Rollout
from serinus.reconcile.target import lenient_spec

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
