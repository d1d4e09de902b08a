"""A real Argo CD that may sync, heal and prune by itself, and the operator at work on what it applied."""

import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from demo.install import merge
from demo.site import Site
from load import Load
from scenarios.argocd import ArgoCD, Repository
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model, WeightHistory, weight_history
from scenarios.transitions import PATIENT

STAGING: Manifest = {
    "replicas": 2,
    "runtime": {"probes": {"readiness": PATIENT, "liveness": PATIENT}},
    "route": {"timeout": "5s"},
    "rollout": {
        "steps": [{"weight": 20, "minDuration": "2s", "pause": True}, {"weight": 50, "minDuration": "2s"}],
        "drain": "2s",
        "watchAfterPromotion": "4s",
    },
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}
CHILDREN = "deployments,services,httproutes,controllerrevisions,pods"


@pytest.fixture
def argocd(site: Site, tmp_path: Path) -> Iterator[ArgoCD]:
    running = ArgoCD(site, tmp_path)
    try:
        running.install()
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def repository(fresh: Model, tmp_path: Path) -> Repository:
    """The staging environment at version 1, with an object beside the model; not committed."""
    made = Repository(tmp_path / "models", fresh.namespace)
    made.environment(merge(STAGING, {"route": {"hostnames": [fresh.host]}}))
    made.note()
    return made


def test_a_repository_is_followed_through_canaries_and_nothing_is_fought_over(
    argocd: ArgoCD, repository: Repository, fresh: Model, start_load: Callable[..., Load]
) -> None:
    first = repository.commit("the first version")
    with argocd.following(repository, fresh), weight_history(fresh) as weights:
        argocd.wait(first, "Healthy")
        time.sleep(GATEWAY_LAG)
        load = start_load(fresh, 80.0)

        new = promoted(argocd, repository, fresh)
        assert shares(weights, new) == [0, 20, 50, 95, 100]

        repository.version(4)  # every answer fails
        bad = pushed(argocd, repository.commit("a bad version"))
        told = argocd.wait(bad, "Degraded")
        reasons = {each["kind"]: each.get("health", {}).get("message", "") for each in told["resources"]}
        assert reasons.keys() == {"ModelDeployment", "ConfigMap"}
        assert reasons["ModelDeployment"].startswith("ErrorRateTooHigh: ")
        assert fresh.route_weights() == {new: 100}

        argocd.wait(pushed(argocd, repository.revert()), "Healthy")
        assert (fresh.status["rollout"]["failed"], fresh.route_weights()) == ([], {new: 100})
        assert argocd.history.touched() == {("ModelDeployment", "Synced"), ("ConfigMap", "Synced")}
        nothing_was_fought_over(argocd, repository.commits, fresh)
        assert [answer.as_dict() for answer in load.journal.failures()] == []
        assert load.journal.faults("4"), "the bad version had traffic"

        it_does_prune_and_heal(argocd, repository, fresh)


def pushed(argocd: ArgoCD, commit: str) -> str:
    argocd.notify()
    return commit


def promoted(argocd: ArgoCD, repository: Repository, model: Model) -> str:
    """Commit version 2, and resume it where its first step pauses; return its revision once the application is Healthy."""
    repository.version(2)
    commit = pushed(argocd, repository.commit("a good version"))
    argocd.wait(commit, "Suspended")
    revision = str(model.status["canary"]["revision"])
    assert model.route_weights()[revision] == 20
    argocd.act("resume", model)
    argocd.wait(commit, "Healthy")
    assert model.status["stable"]["revision"] == revision
    return revision


def shares(weights: WeightHistory, revision: str) -> list[int]:
    """Return the shares that a revision had one after the other."""
    return [share for share, _ in groupby(found.get(revision, 0) for _, found in weights.changes)]


def nothing_was_fought_over(argocd: ArgoCD, commits: list[str], model: Model) -> None:
    """From its own sync on a commit is never out of sync; nobody else writes the spec; no child bears a mark of Argo CD's."""
    for commit in commits:
        seen = argocd.history.syncs(commit)
        assert set(seen[seen.index("Synced") :]) == {"Synced"}, commit
    assert [entry["revision"] for entry in argocd.history.last["history"]] == commits
    live = model.get()["metadata"]
    assert live["generation"] == len(commits)
    assert live["labels"]["app.kubernetes.io/instance"] == argocd.namespace
    assert live["annotations"]["argocd.argoproj.io/tracking-id"].endswith(f"{model.namespace}/{model.name}")
    children = [child["metadata"] for child in model.list(CHILDREN)]
    for metadata in children:
        marks: dict[str, Any] = {**metadata.get("labels", {}), **metadata.get("annotations", {})}
        assert not {"app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id"} & set(marks), metadata["name"]


def it_does_prune_and_heal(argocd: ArgoCD, repository: Repository, model: Model) -> None:
    """What left the repository is pruned and an edit by hand undone: either would have been seen before."""
    repository.forget_note()
    commit = pushed(argocd, repository.commit("no note"))
    argocd.wait(commit, "Healthy")
    assert ("ConfigMap", "Pruned") in argocd.history.touched()
    assert model.kubectl("get", "configmap", "note", "--ignore-not-found", "--output=name") == ""
    model.kubectl("scale", "modeldeployment", model.name, "--replicas=3")
    model.wait("the edit is undone", lambda _: model.get()["spec"]["replicas"] == 2)
    since = argocd.history.syncs(commit).index("Synced")
    argocd.until(lambda: "OutOfSync" in argocd.history.syncs(commit)[since:], "the edit was told")
