"""A model by its alias in a real MLflow registry: pinned, followed, and kept while the registry is away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.registry import Registry

from .kube import Manifest
from .stand import Space, spec
from .waiting import always, eventually

_numbers = itertools.count(1)


@pytest.fixture
def named(space: Space, registry: Registry, tmp_path: Path) -> Iterator[str]:
    """A name of a model that no other test uses, and an operator that follows the registry."""
    for name, value in registry.credentials().items():
        (tmp_path / name).write_text(value)
    operator = space.stand.operator
    operator.kill()
    operator.settings |= {
        "SERINUS_MLFLOW_TRACKING_URI": registry.url,
        "SERINUS_MLFLOW_CREDENTIALS": str(tmp_path),
        "SERINUS_MLFLOW_INTERVAL": "1s",
        "SERINUS_MLFLOW_TIMEOUT": "2s",
    }
    operator.start()
    yield f"churn-{next(_numbers)}"
    registry.thaw()
    operator.settings.clear()
    operator.kill()


def body(uri: str, **parts: Any) -> Manifest:
    made = spec("unused", replicas=1, route=False, **parts)
    return {
        **{key: value for key, value in made.items() if key != "runtime"},
        "model": {"uri": uri, "format": "sklearn"},
    }


def at_version(space: Space, version: str) -> Manifest:
    return space.wait(
        lambda s: s.get("phase") == "Stable" and s["stable"].get("model", {}).get("version") == version,
        f"version {version} is stable",
    )


QUICK = {"rollout": {"steps": [{"weight": 50, "minDuration": "0s"}], "watchAfterPromotion": "0s"}}


def test_a_moved_alias_is_a_canary_and_the_way_back_is_the_old_revision(
    space: Space, registry: Registry, named: str
) -> None:
    one = registry.log(named, {"MLmodel": b"1"}, {"mlflow.source.git.commit": "c0ffee1", "data_version": "9f86d0"})
    two = registry.log(named, {"MLmodel": b"2"})
    registry.point(named, "champion", one)
    space.apply(body(f"models:/{named}@champion", **QUICK))
    first = at_version(space, one)["stable"]
    assert first["model"] == {
        "uri": f"models:/{named}/{one}", "format": "sklearn", "version": one, "gitCommit": "c0ffee1", "dataVersion": "9f86d0",
    }  # fmt: skip
    space.wait_condition("ModelResolved", "True", f"models:/{named}@champion is version {one}")
    (pod,) = space.pods(first["revision"])
    assert pod["metadata"]["labels"]["serinus.dev/git-commit"] == "c0ffee1"
    (fetcher,) = pod["spec"]["initContainers"]
    assert fetcher["args"][0] == f"models:/{named}/{one}"
    assert {"name": "MLFLOW_TRACKING_URI", "value": registry.url} in fetcher["env"]

    registry.point(named, "champion", two)
    space.wait(lambda s: (s.get("canary") or {}).get("model", {}).get("version") == two, "the new version is a canary")
    second = at_version(space, two)
    assert [past["model"]["version"] for past in second["history"]] == [two, one]

    registry.point(named, "champion", one)
    assert at_version(space, one)["stable"]["revision"] == first["revision"]


def test_a_registry_that_is_away_changes_nothing(space: Space, registry: Registry, named: str) -> None:
    registry.point(named, "champion", registry.log(named, {"MLmodel": b"1"}))
    registry.log(named, {"MLmodel": b"2"})
    space.apply(body(f"models:/{named}@champion"))
    revision = at_version(space, "1")["stable"]["revision"]
    uids = space.uids(revision)
    registry.freeze()
    space.wait_condition("ModelResolved", "False", "did not answer within 2 s; version 1 stays")
    space.wait_condition("Ready", "True")
    space.stand.operator.kill()
    space.stand.operator.start()
    space.touch()
    always(
        lambda: space.uids(revision) == uids and len(space.kube.find("controllerrevisions", space.namespace)) == 1,
        "the same pods and no other revision",
        4.0,
    )
    assert space.condition("Ready")["status"] == "True"
    registry.thaw()
    space.wait_condition("ModelResolved", "True", "is version 1")
    registry.point(named, "champion", "2")
    space.wait(lambda s: (s.get("canary") or {}).get("model", {}).get("version") == "2", "it is followed again")


def test_an_alias_that_is_not_there_is_told_and_waited_for(space: Space, registry: Registry, named: str) -> None:
    registry.log(named, {"MLmodel": b"1"})
    space.apply(body(f"models:/{named}@champion"))
    space.wait_condition("Degraded", "True", "alias champion not found")
    assert space.status()["reason"] == "AliasUnknown"
    registry.point(named, "champion", "1")
    at_version(space, "1")
    space.apply(body(f"models:/{named}@nobody"))
    space.wait_condition("Degraded", "True", "alias nobody not found")
    space.wait_condition("Available", "True")
    space.apply(body(f"models:/{named}/9"))
    space.wait_condition("Degraded", "True", "version=9")


def test_a_version_that_was_taken_back_is_not_tried_again_until_the_alias_moves(
    space: Space, registry: Registry, named: str
) -> None:
    one, two, three = (registry.log(named, {"MLmodel": number}) for number in (b"1", b"2", b"3"))
    registry.point(named, "champion", one)
    space.apply(body(f"models:/{named}@champion", rollout={"progressDeadline": "3s"}))
    at_version(space, one)
    space.stand.node.unfetchable[f"models:/{named}/{two}"] = "no"
    registry.point(named, "champion", two)
    found = space.in_phase("RolledBack")
    assert found["stable"]["model"]["version"] == one
    del space.stand.node.unfetchable[f"models:/{named}/{two}"]
    always(lambda: space.phase() == "RolledBack", "it stays so", 3.0)
    registry.point(named, "champion", three)
    eventually(lambda: (space.status().get("canary") or {}).get("model", {}).get("version") == three, "a new canary")
