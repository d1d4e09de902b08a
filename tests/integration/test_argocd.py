"""A real Argo CD that may sync, heal and prune by itself, and the operator at work on what it applied."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs
from cluster.console import ClusterError
from tests.gitops import lua as own_lua
from tests.gitops.files import DISCOVERY, GITOPS, HEALTH, action, read
from tests.gitops.objects import OBJECTS

from .argocd import APPLICATION, NAMESPACE, ArgoCD, Repository, lua, sources
from .conftest import install
from .kube import APPLY, Kube, Recorder, path
from .stand import MODEL, NAME, Space, Stand, image, manifest, spec
from .test_ownership import CHILDREN

VERBS = ("promote", "abort", "retry", "pause", "resume", "skip-step")
ENTRIES = read(GITOPS / "argocd" / "argocd-cm.yaml")["data"]
HELD = {"rollout": {"steps": [{"weight": 20, "minDuration": "0s", "pause": True}, {"weight": 50, "minDuration": "0s"}]}}


@pytest.fixture(scope="session")
def program() -> Path:
    try:
        return programs.built("argocd")
    except (ClusterError, OSError) as error:
        pytest.skip(f"no Argo CD: {error}")


@pytest.fixture(scope="session")
def argocd_kinds(program: Path, kube: Kube) -> Kube:  # noqa: ARG001 - without the program nothing of Argo CD
    """The API server with Argo CD's CRDs."""
    install(kube, sources() / "manifests" / "crds")
    return kube


@pytest.fixture
def argocd(program: Path, argocd_kinds: Kube, stand: Stand, tmp_path: Path) -> Iterator[ArgoCD]:  # noqa: ARG001
    argocd = ArgoCD(program, stand.plane, tmp_path)
    argocd.configure(sources() / "manifests" / "base" / "config", ENTRIES)
    argocd.start()
    yield argocd
    argocd.stop()


def told(recorder: Recorder, look: Callable[[dict[str, Any]], Any]) -> list[Any]:
    """Return what the application said of itself, in order and without repetitions."""
    found: list[Any] = []
    for change in recorder.of("applications", APPLICATION):
        seen = look(change.object.get("status", {}))
        if not found or found[-1] != seen:
            found.append(seen)
    return found


def test_a_repository_is_followed_through_canaries_and_nothing_is_fought_over(
    argocd: ArgoCD, space: Space, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "models")
    versions = [image(number) for number in (1, 2, 3)]

    def push(version: str, **parts: Any) -> str:
        commit = repository.commit(manifest(space.namespace, spec(version, **parts)), version)
        argocd.notify()
        return commit

    first = repository.commit(manifest(space.namespace, spec(versions[0])), "the first version")
    argocd.follow(repository, space.namespace)
    watched = Recorder(space.stand.plane, NAMESPACE)
    watched.watch("applications")
    space.recorder.watch("httproutes")
    argocd.wait(first, "Healthy")
    old = space.hash(versions[0])

    second = push(versions[1], **HELD)
    argocd.wait(second, "Suspended")
    new = space.hash(versions[1])
    assert space.weights() == {old: 80, new: 20}
    argocd.act(action("resume"), space.model())
    argocd.wait(second, "Healthy")
    assert space.weight_history(new) == [0, 20, 50, 95, 100]

    space.stand.prometheus.errors[versions[2]] = 1.0
    third = push(versions[2])
    status = argocd.wait(third, "Degraded")
    assert space.phase() == "RolledBack"
    (resource,) = status["resources"]
    assert resource["kind"] == "ModelDeployment"
    assert resource["health"]["message"].startswith("ErrorRateTooHigh: ")
    assert space.weights() == {new: 100}

    reverted = repository.revert()
    argocd.notify()
    argocd.wait(reverted, "Healthy")
    assert space.stable(versions[1])["rollout"]["failed"] == []

    watched.stop()
    commits = [first, second, third, reverted]
    assert [entry["revision"] for entry in argocd.application()["history"]] == commits
    assert (second, "Synced", "Progressing") in told(watched, state)
    for commit in commits:  # the only time out of sync is before its own sync
        seen = [words[1] for words in told(watched, state) if words[0] == commit]
        assert "OutOfSync" not in seen[seen.index("Synced") :]
    assert {each for change in told(watched, synced) for each in change} == {("ModelDeployment", "Synced")}
    live = space.model()["metadata"]
    assert live["generation"] == len(commits), "nobody else writes the spec"
    assert live["labels"]["app.kubernetes.io/instance"] == APPLICATION
    assert live["annotations"]["argocd.argoproj.io/tracking-id"].endswith(f"{space.namespace}/{NAME}")
    for plural in CHILDREN:
        for child in space.kube.find(plural, space.namespace, MODEL):
            marks = {**child["metadata"]["labels"], **child["metadata"].get("annotations", {})}
            assert not {"app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id"} & set(marks)


def state(status: dict[str, Any]) -> tuple[str, ...]:
    sync = status.get("sync", {})
    return sync.get("revision", ""), sync.get("status", ""), status.get("health", {}).get("status", "")


def synced(status: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the kinds that a sync touched, and what it did with each: pruning would be seen here."""
    result = status.get("operationState", {}).get("syncResult", {})
    return [(each["kind"], each.get("status", "")) for each in result.get("resources", [])]


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
