"""A rollout between two revisions, at any point of its life, in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from serinus.analysis import Outcome, Verdict
from serinus.api.status import FailedRevision, Phase, RolloutState, WeightChange
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.capacity import sizes
from serinus.rollout.machine import advance
from serinus.rollout.observation import Observation, Workload
from serinus.rollout.step import Step
from serinus.traffic.split import SeenSplit

OLD, NEW, NEWER = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
NOW = 1_000_000.0
LONG = 100_000.0
"""Longer than every duration of a spec."""

PASS = Verdict(Outcome.PASS, "Passed", "500 requests, nothing over its limit", "error-rate")
FAIL = Verdict(Outcome.FAIL, "ErrorRate", "9 of 10 failed", "error-rate")
BLIND = Verdict(Outcome.BLIND, "TargetDown", "the proxy does not answer", "error-rate")
INCONCLUSIVE = Verdict(Outcome.INCONCLUSIVE, "TooFewRequests", "3 of 50 requests", "error-rate")

UNDER_WAY = (Phase.PREPARING, Phase.STEPPING, Phase.PROMOTING)
UNDER_TEST = (*UNDER_WAY, Phase.WATCHING)
EXPOSED = (Phase.STEPPING, Phase.PROMOTING, Phase.WATCHING)


def spec(*, gateway: bool = True, replicas: int = 4, **parts: Any) -> ModelDeploymentSpec:
    """Return a spec with steps 5, 25, 50 unless `rollout` says otherwise."""
    raw: dict[str, Any] = {"replicas": replicas, "runtime": {"image": "model:1", "port": 8000}, **parts}
    if gateway:
        raw["route"] = {"gateway": "public", "timeout": "10s"}
    return ModelDeploymentSpec.model_validate(raw)


def weights(*values: int, at: float = NOW - LONG) -> list[WeightChange]:
    return [WeightChange(time=at, weight=value) for value in values]


def failure(revision: str, reason: str = "ErrorRate") -> FailedRevision:
    return FailedRevision(revision=revision, reason=reason, message="9 of 10 failed", time=NOW - LONG)


def state(phase: Phase, **update: Any) -> RolloutState:
    """Return a state that entered its phase long ago and whose weight has been live as long."""
    known: dict[str, Any] = {"phase": phase, "control": OLD, "since": NOW - LONG}
    if phase in (*UNDER_TEST, Phase.ROLLING_BACK):
        known["candidate"] = NEW
    match phase:
        case Phase.STEPPING:
            known |= {"weight": 5, "weights": weights(5), "live_since": NOW - LONG}
        case Phase.PROMOTING:
            known |= {"weight": 95, "weights": weights(5, 25, 50, 95), "live_since": NOW - LONG, "step": 2}
        case Phase.WATCHING:
            known |= {"weight": 95, "weights": weights(5, 25, 50, 95), "live_since": NOW - LONG, "step": 2}
        case Phase.ROLLING_BACK:
            known |= {
                "since": NOW,
                "weights": weights(5, 0),
                "failed": [failure(NEW)],
                "reason": "ErrorRate",
                "message": "9 of 10 failed",
            }
        case Phase.ROLLED_BACK:
            known |= {"failed": [failure(NEW)], "reason": "ErrorRate", "message": "9 of 10 failed"}
    return RolloutState.model_validate({**known, **update})


def pods(ready: int, *, of: int | None = None, restarts: int = 0, problem: str = "") -> Workload:
    return Workload(replicas=ready if of is None else of, ready=ready, restarts=restarts, problem=problem)


def seen(at: RolloutState, *, gateway: bool = True, **update: Any) -> Observation:
    """Return a world in which all is well and already as the state wants it."""
    split = SeenSplit(
        {at.control: 100 - at.traffic, **({at.candidate: at.traffic} if at.candidate else {})},
        live=True,
        slots=((at.control, 100 - at.traffic), (at.candidate or at.control, at.traffic)) if gateway else (),
    )
    known: dict[str, Any] = {
        "target": at.candidate or at.control,
        "stamped": at.stable,
        "revisions": frozenset({OLD, NEW, NEWER}),
        "workloads": {OLD: pods(4), NEW: pods(4), NEWER: pods(4)},
        "split": split,
        "gateway": gateway,
        "service_revisions": frozenset(
            {at.candidate if at.phase in (Phase.PROMOTING, Phase.WATCHING) and at.weight >= 50 else at.control}
        ),
        "verdict": PASS if at.candidate else None,
    }
    if "pods" in update:
        update["workloads"] = {**known["workloads"], **update.pop("pods")}
    return Observation(**{**known, **update})


def replicas(wanted: ModelDeploymentSpec, at: RolloutState, world: Observation, now: float = NOW) -> dict[str, int]:
    """Return the wanted pods by revision, where an autoscaler decides the least of them."""
    return {name: size.pods for name, size in sizes(wanted, at, world, now).items()}


def failed_revisions(at: RolloutState) -> set[str]:
    return {known.revision for known in at.failed}


def reasons(step: Step) -> list[str]:
    return [event.reason for event in step.events]


def settle(
    wanted: ModelDeploymentSpec, at: RolloutState, world: Observation, now: float = NOW, limit: int = 40
) -> list[Step]:
    """Ask again until nothing changes while the world stays as it is; return every transition.

    A stamp is seen by the next look, as the API server would show it.
    """
    steps: list[Step] = []
    for _ in range(limit):
        step = advance(wanted, at, world, now)
        if step.state == at and not step.events:
            return steps
        steps.append(step)
        at = step.state
        world = replace(world, first_look=False, stamped=step.stamp or world.stamped)
    raise AssertionError(f"no rest after {limit} transitions: {[taken.state.phase for taken in steps[-6:]]}")


def last(steps: Iterable[Step], otherwise: RolloutState) -> RolloutState:
    return [otherwise, *(step.state for step in steps)][-1]


class World:
    """A cluster that does at once what it is told, for following a rollout through its life."""

    def __init__(self, wanted: ModelDeploymentSpec, at: RolloutState, target: str, **fixed: Any) -> None:
        self.spec, self.state, self.now, self.target = wanted, at, NOW, target
        self.stamped, self.fixed = at.stable, fixed
        self.steps: list[Step] = []

    def look(self) -> Observation:
        known = seen(self.state, gateway=self.spec.route is not None)
        return replace(known, target=self.target, stamped=self.stamped, **self.fixed)

    def tick(self, seconds: float = 0.0) -> Step:
        self.now += seconds
        step = advance(self.spec, self.state, self.look(), self.now)
        self.stamped = step.stamp or self.stamped
        if step.state != self.state or step.events:
            self.steps.append(step)
        self.state = step.state
        return step

    def run(self, seconds: float, every: float = 5.0) -> list[Step]:
        """Let time pass; return the transitions of that time."""
        begin = len(self.steps)
        end = self.now + seconds
        while self.now < end:
            self.tick(every)
        return self.steps[begin:]

    @property
    def events(self) -> list[str]:
        return [reason for step in self.steps for reason in reasons(step)]

    @property
    def weights(self) -> list[int]:
        """The candidate's shares, each once, in order."""
        found: list[int] = []
        for step in self.steps:
            if not found or found[-1] != step.state.weight:
                found.append(step.state.weight)
        return found
