"""What the example gives Argo CD, held against its own kinds and its own Lua; `e2e/scenarios/test_argocd.py` lets it sync."""

from pathlib import Path

import pytest
import yaml

from cluster import programs
from cluster.argocd import lua, manifests
from cluster.console import ClusterError
from tests.gitops import lua as own_lua
from tests.gitops.files import DISCOVERY, GITOPS, HEALTH, action
from tests.gitops.objects import OBJECTS

from .conftest import install
from .kube import APPLY, Kube, path

VERBS = ("promote", "abort", "retry", "pause", "resume", "skip-step")


@pytest.fixture(scope="session")
def program() -> Path:
    try:
        return programs.built("argocd")
    except (ClusterError, OSError) as error:
        pytest.skip(f"no Argo CD: {error}")


@pytest.fixture(scope="session")
def argocd_kinds(program: Path, kube: Kube) -> Kube:  # noqa: ARG001 - without the program nothing of Argo CD
    """The API server with Argo CD's CRDs."""
    install(kube, manifests() / "crds")
    return kube


def test_the_applications_of_the_example_are_what_argo_cd_takes(argocd_kinds: Kube) -> None:
    query = {"fieldManager": "person", "force": "true", "fieldValidation": "Strict", "dryRun": "All"}
    documents = list(yaml.safe_load_all((GITOPS / "argocd" / "applications.yaml").read_text()))
    assert len(documents) == 3
    for document in documents:
        where = path("applications", "default", document["metadata"]["name"], **query)
        argocd_kinds.call("PATCH", where, {**document, "metadata": {"name": document["metadata"]["name"]}}, APPLY)


def test_argo_cds_own_lua_says_the_same(program: Path) -> None:
    objects = [make() for make in OBJECTS.values()]
    tasks = [{"kind": "health", "script": HEALTH, "object": obj} for obj in objects]
    assert lua(program, tasks) == [own_lua.run(HEALTH, obj) for obj in objects]
    tasks = [{"kind": "discovery", "script": DISCOVERY, "object": obj} for obj in objects]
    for obj, found in zip(objects, lua(program, tasks), strict=True):
        offered = {each["name"] for each in found if not each.get("disabled")}
        assert offered == {name for name, told in own_lua.run(DISCOVERY, obj).items() if not told["disabled"]}


def test_an_action_leaves_all_else_as_it_is(program: Path) -> None:
    """Numbers are floats in Lua and empty tables are lists: nothing of it must reach the object."""
    for verb, name in zip(
        VERBS, ("stepping", "watching", "rolled-back", "promoting", "stepping", "stepping"), strict=True
    ):
        obj = OBJECTS[name]()
        obj["spec"]["runtime"]["podTemplate"] = {
            "spec": {"volumes": [{"name": "cache", "emptyDir": {}}], "hostAliases": []}
        }
        obj["status"]["judge"] = {"empty": {}, "none": [], "large": 9007199254740991, "small": -1.7e-308}
        (changed,) = lua(program, [{"kind": "action", "script": action(verb), "object": obj}])
        command = changed["metadata"].pop("annotations")
        assert list(command) == ["serinus.dev/command"]
        assert changed == obj
