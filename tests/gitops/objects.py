"""ModelDeployments as `kubectl get -o yaml` shows them, with the status that the operator's own builder makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from serinus.api.status import Phase, RolloutState, Status
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.observation import Workload
from serinus.rollout.report import Problem, refused, status
from serinus.rollout.turns import Wait
from serinus.traffic.split import SeenSplit
from tests.rollout.support import BLIND, NEW, NOW, OLD, failure, pods, spec, state
from tests.rollout.test_report import facts

Manifest = dict[str, Any]
GENERATION = 7
PROBLEM = Problem("ConfigMapMissing", "spec.runtime.configMaps[0]: there is no ConfigMap 'settings'; create it")
PAUSED_STEP = {"rollout": {"steps": [{"weight": 5, "pause": True}]}}


def shown(at: RolloutState, world: Manifest | None = None, **update: Any) -> Manifest:
    """Return the object of a state and what is seen of the world."""
    told = facts(at, world, **update)
    return manifest(told.spec, status(told, Status(), {"anchor": "2026-11-22T10:00:00Z", "sums": [1.2345e-67, 0.0, 3]}))


def manifest(wanted: ModelDeploymentSpec, found: Status) -> Manifest:
    """Return an object as the API server keeps it: without what is null."""
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "recommender",
            "namespace": "shop",
            "uid": "6c9b2f0e-1c1b-4d53-9a53-0d2a5d8f6f10",
            "resourceVersion": "48213",
            "generation": GENERATION,
        },
        "spec": wanted.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "status": found.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def _new() -> Manifest:
    made = shown(state(Phase.INITIALIZING))
    del made["status"]
    return made


def _stale() -> Manifest:
    """Yesterday's status of a spec that was changed a moment ago."""
    made = shown(state(Phase.STABLE))
    made["metadata"]["generation"] = GENERATION + 1
    return made


def _refused() -> Manifest:
    return manifest(spec(), refused(Status(), PROBLEM, GENERATION, NOW))


def _unrouted() -> Manifest:
    told = "Gateway public: ResolvedRefs is False: RouteNotAllowedByListeners"
    split = SeenSplit({OLD: 100}, live=False, reason="RouteNotAllowedByListeners", problem=told)
    return shown(state(Phase.STABLE), {"split": split})


def _remembered() -> Manifest:
    """A second failure, and then the first one's spec again."""
    first, second = failure(OLD), failure(NEW, "TooSlow").model_copy(update={"message": "0.3 s at the median"})
    return shown(state(Phase.ROLLED_BACK, failed=[first, second]))


OBJECTS: dict[str, Callable[[], Manifest]] = {
    "new": _new,
    "stale": _stale,
    "refused": _refused,
    "initializing": lambda: shown(state(Phase.INITIALIZING), {"pods": {OLD: pods(0, problem="Pulling the image")}}),
    "initializing-late": lambda: shown(
        state(Phase.INITIALIZING, reason="ProgressDeadlineExceeded", message="No pod was ready after 600 s"),
        {"pods": {OLD: pods(0)}},
    ),
    "stable": lambda: shown(state(Phase.STABLE)),
    "stable-problem": lambda: shown(state(Phase.STABLE), problem=PROBLEM),
    "stable-without-pods": lambda: shown(state(Phase.STABLE), {"pods": {OLD: Workload(problem="Evicted")}}),
    "stable-unrouted": _unrouted,
    "stable-paused": lambda: shown(state(Phase.STABLE), spec=spec(rollout={"paused": True})),
    "stable-paused-behind": lambda: shown(state(Phase.STABLE), {"target": NEW}, spec=spec(rollout={"paused": True})),
    "queued": lambda: shown(state(Phase.QUEUED), {"target": NEW, "wait": Wait(2, 3, 3)}),
    "preparing": lambda: shown(state(Phase.PREPARING), {"pods": {NEW: pods(0, of=2, problem="Insufficient memory")}}),
    "stepping": lambda: shown(state(Phase.STEPPING)),
    "stepping-blind": lambda: shown(state(Phase.STEPPING, hold="Blind"), {"verdict": BLIND}),
    "stepping-paused-by-command": lambda: shown(state(Phase.STEPPING, paused=True)),
    "stepping-paused-by-spec": lambda: shown(state(Phase.STEPPING), spec=spec(rollout={"paused": True})),
    "stepping-paused-by-step": lambda: shown(state(Phase.STEPPING), spec=spec(**PAUSED_STEP)),
    "stepping-overdue": lambda: shown(state(Phase.STEPPING, overdue=True), spec=spec(analysis={"maxDuration": "1h"})),
    "promoting": lambda: shown(state(Phase.PROMOTING)),
    "watching": lambda: shown(state(Phase.WATCHING)),
    "watching-paused": lambda: shown(state(Phase.WATCHING), spec=spec(rollout={"paused": True})),
    "rolling-back": lambda: shown(state(Phase.ROLLING_BACK)),
    "rolled-back": lambda: shown(state(Phase.ROLLED_BACK)),
    "rolled-back-again": _remembered,
}
