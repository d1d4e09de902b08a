"""Models as the operator writes them, at every point of a rollout."""

from __future__ import annotations

from typing import Any

from serinus.api.status import Condition, MetricStatus, Phase, RolloutState, Status, WeightChange
from serinus.api.timestamps import render_seconds
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.cli.views.facts import Facts
from serinus.desired.revision import Revision
from serinus.rollout import report
from serinus.rollout.report import Problem
from serinus.rollout.turns import Wait
from tests.rollout.support import BLIND, INCONCLUSIVE, NEW, NOW, OLD, pods, seen, state

Manifest = dict[str, Any]
NAME, NAMESPACE = "recommender", "ml"
SPEC: Manifest = {
    "replicas": 4,
    "runtime": {"image": "registry.example.com/recommender:1.4.0", "port": 8000},
    "route": {"gateway": "public", "hostnames": ["recommender.example.com"]},
    "rollout": {
        "steps": [
            {"weight": 5, "minDuration": "1m"},
            {"weight": 25, "minDuration": "2m", "pause": True},
            {"weight": 50, "minDuration": "2m"},
        ]
    },
    "analysis": {"latency": {}},
}
ERRORS = MetricStatus(
    name="error-rate",
    source="gateway",
    outcome="Inconclusive",
    reason="NotProven",
    message="512 requests: proof 12 of 20, evidence 0.82 of 200",
    canary_requests=512,
    canary_errors=2,
    stable_requests=5120,
    stable_errors=16,
    canary_rate=0.0039,
    canary_low=0.0011,
    canary_high=0.0089,
    stable_rate=0.0031,
    stable_low=0.002,
    stable_high=0.0044,
    evidence=0.82,
    threshold=200,
    proof=12,
    proof_threshold=20,
)
LATENCY = MetricStatus(
    name="latency",
    source="gateway",
    outcome="Pass",
    reason="WithinTolerance",
    message="all good",
    canary_requests=512,
    canary_errors=20,
    stable_requests=5120,
    stable_errors=210,
    canary_rate=0.039,
    canary_low=0.02,
    canary_high=0.06,
    stable_rate=0.041,
    stable_low=0.03,
    stable_high=0.05,
    bound=0.25,
    evidence=0.2,
    threshold=200,
    proof=44,
    proof_threshold=20,
)
MEAN = MetricStatus(
    name="revenue",
    source="pods",
    outcome="Pass",
    reason="WithinTolerance",
    message="all good",
    canary_requests=512,
    stable_requests=5120,
    canary_rate=12.1,
    stable_rate=12.35,
    evidence=1.2,
    threshold=200,
)
QUERY = MetricStatus(
    name="gpu-memory", outcome="Pass", reason="WithinBounds", message="0.7 is within bounds", value=0.7
)
FAILED = ERRORS.model_copy(
    update={
        "outcome": "Fail",
        "reason": "ErrorRateTooHigh",
        "message": "41 of 512 requests failed, stable 16 of 5120",
        "canary_errors": 41,
        "canary_rate": 0.08,
        "canary_low": 0.055,
        "canary_high": 0.11,
        "evidence": 318.0,
        "proof": 0.0,
    }
)


def at(phase: Phase, **update: Any) -> RolloutState:
    """Return a rollout that entered its phase, and got its weight, 72 seconds ago."""
    timed: Manifest = {"since": NOW - 72}
    known = state(phase, **update)
    if known.live_since is not None and "live_since" not in update:
        timed["live_since"] = NOW - 72
    if known.failed:
        timed["failed"] = [known.failed[0].model_copy(update={"time": NOW - 300, "reason": "ErrorRateTooHigh"})]
        timed |= {"reason": "ErrorRateTooHigh", "message": FAILED.message}
    return RolloutState.model_validate({**dict(known), **timed})


def model(
    rollout: RolloutState,
    world: Manifest | None = None,
    *,
    spec: Manifest | None = None,
    metrics: tuple[MetricStatus, ...] = (),
    problem: Problem | None = None,
) -> Manifest:
    """Return a ModelDeployment with the status that the operator writes of a rollout."""
    raw = {**SPEC, **(spec or {})}
    record = {
        OLD: _revision(OLD, "1.4.0", promoted_at=NOW - 86400),
        NEW: _revision(NEW, "1.5.0", promoted_at=NOW - 72 if rollout.phase is Phase.WATCHING else None),
    }
    target = {"target": NEW} if rollout.phase is Phase.ROLLED_BACK else {}
    facts = report.Facts(
        name=NAME,
        generation=7,
        spec=ModelDeploymentSpec.model_validate(raw),
        state=rollout,
        seen=seen(rollout, **{**target, **(world or {})}),
        revisions=record,
        metrics=metrics,
        problem=problem,
        now=NOW,
    )
    before = Status(conditions=[Condition(type="Ready", status="True", reason="RolledOut")])
    written = report.status(facts, before, {}).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "generation": 7,
            "creationTimestamp": render_seconds(NOW - 2 * 86400),
        },
        "spec": raw,
        "status": written,
    }


def _revision(name: str, tag: str, promoted_at: float | None) -> Revision:
    template = {"spec": {"containers": [{"name": "model", "image": f"registry.example.com/recommender:{tag}"}]}}
    source = {"model": {"uri": "s3://models/x", "version": tag[2], "gitCommit": "4f2a9c1d" * 5}}
    return Revision(name, template, {}, None, model=source, promoted_at=promoted_at)


def pod(name: str, revision: str, *, ready: bool = True, restarts: int = 0, **status: Any) -> Manifest:
    """Return a pod of the model."""
    return {
        "metadata": {
            "name": name,
            "labels": {"serinus.dev/modeldeployment": NAME, "serinus.dev/revision": revision},
            "creationTimestamp": render_seconds(NOW - 200),
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "model", "restartCount": restarts, "state": {"running": {}}}],
            **status,
        },
    }


def event(reason: str, message: str, ago: float, *, warning: bool = False) -> Manifest:
    """Return an Event about the model."""
    at_ = render_seconds(NOW - ago)
    return {
        "metadata": {"creationTimestamp": at_},
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "lastTimestamp": at_,
    }


def facts(found: Manifest, *, events: tuple[Manifest, ...] = (), notes: tuple[str, ...] = ()) -> Facts:
    """Return all that is known of a model, with four pods of stable."""
    return Facts(found, [pod(f"{NAME}-{OLD}-{letter}", OLD) for letter in "abcd"], events, notes, NOW)


_STEPPING = at(Phase.STEPPING, step=1, weight=25, weights=[WeightChange(time=NOW - 72, weight=25)], live_since=NOW - 72)
_EVENTS = (
    event("RolloutStarted", f"Revision {NEW} is prepared beside {OLD}", 200),
    event("WeightRaised", "The canary gets 5 %", 140),
    event("StepPassed", "Step 1 [error-rate] is over: 740 requests", 75),
    event("WeightRaised", "The canary gets 25 %", 72),
)


def scenes() -> dict[str, Facts]:
    """Return a model at every point of a rollout, by name."""
    resting = {"spec": SPEC, "metadata": model(at(Phase.STABLE))["metadata"]}
    first = {"workloads": {OLD: pods(0, of=4, problem="3 pods wait: ImagePullBackOff")}, "stamped": ""}
    starting = {"pods": {NEW: pods(0, of=1, problem="0/3 nodes are available: 3 Insufficient nvidia.com/gpu")}}
    paused = {**SPEC["rollout"], "paused": True}
    down = {"pods": {OLD: pods(0, of=4, problem="CrashLoopBackOff")}}
    no_step_pause = {"rollout": {"steps": [{"weight": 25, "minDuration": "2m"}, {"weight": 50}]}}
    return {
        "unseen": facts(resting),
        "initializing": facts(model(at(Phase.INITIALIZING), first)),
        "stable": facts(model(at(Phase.STABLE))),
        "refused": facts(model(at(Phase.STABLE), problem=Problem("InvalidSpec", "spec.replicas: must be at least 1"))),
        "queued": facts(model(at(Phase.QUEUED), {"target": NEW, "wait": Wait(2, 3, 3)})),
        "preparing": facts(model(at(Phase.PREPARING), starting)),
        "stepping": facts(
            model(
                _STEPPING.model_copy(update={"step": 0}),
                {"verdict": INCONCLUSIVE},
                spec=no_step_pause,
                metrics=(ERRORS, LATENCY, MEAN, QUERY),
            ),
            events=_EVENTS,
        ),
        "paused-by-step": facts(model(_STEPPING, metrics=(ERRORS,)), events=_EVENTS),
        "paused-by-command": facts(model(_STEPPING.model_copy(update={"paused": True, "step": 0}), spec=no_step_pause)),
        "paused-by-spec": facts(model(_STEPPING, spec={"rollout": paused})),
        "blind": facts(
            model(
                _STEPPING.model_copy(update={"hold": "Blind", "hold_since": NOW - 60, "step": 0}),
                {"verdict": BLIND},
                spec=no_step_pause,
            ),
            notes=('Events: events is forbidden: User "eve" cannot list resource "events"',),
        ),
        "stable-down": facts(model(_STEPPING.model_copy(update={"takeover": True}), down)),
        "promoting": facts(model(at(Phase.PROMOTING), metrics=(LATENCY,))),
        "watching": facts(model(at(Phase.WATCHING), metrics=(LATENCY,))),
        "rolling-back": facts(model(at(Phase.ROLLING_BACK), metrics=(FAILED,))),
        "rolled-back": facts(model(at(Phase.ROLLED_BACK), metrics=(FAILED, LATENCY))),
    }
