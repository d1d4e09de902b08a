"""Builds the status that people and tools read. It says what is, why, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serinus.analysis import Outcome
from serinus.api import conditions as types
from serinus.api.analysis import NOTHING_COUNTED
from serinus.api.status import (
    MAX_MESSAGE,
    MAX_METRIC_MESSAGE,
    Condition,
    MetricStatus,
    Phase,
    RolloutState,
    Status,
)
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired import labels
from serinus.desired.revision import Revision
from serinus.rollout.holds import why_blind, why_overdue, why_uncounted
from serinus.rollout.observation import Observation
from serinus.rollout.revisions import live, past
from serinus.rollout.safety import UNDER_TEST
from serinus.rollout.step import awaits_resume


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person has to put right; the last good state keeps serving."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whether the registry says what a moving address of a model stands for."""

    known: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a status is made of."""

    name: str
    generation: int
    spec: ModelDeploymentSpec
    state: RolloutState
    seen: Observation
    revisions: Mapping[str, Revision]
    metrics: Sequence[MetricStatus]
    problem: Problem | None
    now: float
    resolution: Resolution | None = None


def status(facts: Facts, before: Status, judge: dict[str, object]) -> Status:
    """Return the status of this moment."""
    state, seen = facts.state, facts.seen
    under_test = state.phase in UNDER_TEST or state.phase is Phase.ROLLING_BACK
    reason, message = _headline(facts)
    return Status(
        observed_generation=facts.generation,
        phase=state.phase,
        reason=reason,
        message=message[:MAX_MESSAGE],
        conditions=types.merge(before.conditions, _conditions(facts), facts.now),
        replicas=sum(pods.replicas for pods in seen.workloads.values()),
        selector=labels.selector_text(facts.name),
        url=_url(facts.spec),
        stable=live(facts.revisions, seen, state.stable),
        canary=live(facts.revisions, seen, state.candidate) if state.phase is not Phase.WATCHING else None,
        previous=live(facts.revisions, seen, state.control) if state.phase is Phase.WATCHING else None,
        weight=seen.split.weight_of(state.candidate) if state.candidate and not seen.gateway else state.traffic,
        step=f"{min(state.step + 1, len(facts.spec.rollout.steps))}/{len(facts.spec.rollout.steps)}"
        if under_test
        else "",
        metrics=[_short(metric) for metric in facts.metrics] or _last_metrics(state, before),
        history=past(facts.revisions),
        rollout=state,
        judge=(judge or before.judge or None) if under_test else None,  # what cannot be read now is no reason to forget
    )


def refused(before: Status, problem: Problem, generation: int, now: float) -> Status:
    """Return the status of a spec that nothing can be made of, with no good one known; all else stays."""
    told = {"reason": problem.reason, "message": problem.message[:MAX_MESSAGE], "observed_generation": generation}
    found = [
        Condition(type=types.READY, status="False", **told),
        Condition(type=types.DEGRADED, status="True", **told),
        Condition(type=types.STALLED, status="True", **told),
    ]
    kept = [
        c for c in before.conditions if c.type not in {types.READY, types.DEGRADED, types.STALLED, types.RECONCILING}
    ]
    conditions = types.merge(before.conditions, [*kept, *found], now)
    return before.model_copy(update={**told, "phase": before.phase or Phase.INITIALIZING, "conditions": conditions})


def _headline(facts: Facts) -> tuple[str, str]:
    state = facts.state
    if facts.problem:
        return facts.problem.reason, facts.problem.message
    if state.reason:
        return state.reason, state.message
    late = why_overdue(facts.spec, state)
    waits = state.phase in (Phase.INITIALIZING, Phase.QUEUED, Phase.PREPARING) and not late
    if waits and (unready := _unready(facts)):  # without pods there is nothing to be blind to
        return state.phase, unready
    if state.hold == "Blind":
        return "AnalysisBlind", why_blind(facts.seen)
    if late:
        return "MaxDurationExceeded", late
    uncounted = why_uncounted(state, facts.seen, facts.now)
    return (NOTHING_COUNTED, uncounted) if uncounted else (state.phase, "")


def _unready(facts: Facts) -> str:
    """What a rollout waits for: others, or its pods for a GPU that no node has; empty while for nothing known."""
    if facts.seen.wait:
        return facts.seen.wait.told(facts.seen.target)
    return facts.seen.workload(facts.state.candidate or facts.state.control).problem


def _conditions(facts: Facts) -> list[Condition]:
    """Return all conditions; Reconciling and Stalled are there only while they are true."""
    found = [
        _available(facts),
        _ready(facts),
        _progressing(facts),
        _degraded(facts),
        _paused(facts),
        _metrics_available(facts),
        _image_fixed(facts),
    ]
    if facts.spec.autoscaling:
        found.append(_scaling_active(facts))
    if told := facts.resolution:
        found.append(_condition(facts, types.MODEL_RESOLVED, told.known, told.reason, told.message))
    waits_for_ever = facts.state.phase is Phase.ROLLED_BACK or _late(facts) or why_overdue(facts.spec, facts.state)
    stalled = facts.problem is not None or bool(waits_for_ever)
    reason, message = _headline(facts)
    if stalled:
        found.append(_condition(facts, types.STALLED, True, reason, message))
    elif facts.state.phase not in (Phase.STABLE, Phase.ROLLED_BACK):
        found.append(_condition(facts, types.RECONCILING, True, facts.state.phase, message))
    return found


def _condition(facts: Facts, kind: str, value: bool | None, reason: str, message: str) -> Condition:  # noqa: FBT001 - a condition is a truth value
    text = {True: "True", False: "False", None: "Unknown"}[value]
    return Condition(
        type=kind, status=text, reason=reason, message=message[:MAX_MESSAGE], observed_generation=facts.generation
    )


def _late(facts: Facts) -> bool:
    return facts.state.phase is Phase.INITIALIZING and facts.state.reason != ""


def _available(facts: Facts) -> Condition:
    pods = facts.seen.workload(facts.state.stable)
    if pods.ready and facts.state.phase is not Phase.INITIALIZING:
        return _condition(
            facts,
            types.AVAILABLE,
            True,
            "Serving",
            f"{pods.ready} pods of revision {facts.state.stable} are ready",
        )
    if facts.state.takeover:
        return _condition(
            facts,
            types.AVAILABLE,
            True,
            "StableDown",
            f"Revision {facts.state.candidate} serves in place of stable",
        )
    return _condition(facts, types.AVAILABLE, False, "NoReadyPods", pods.problem or "No pod is ready yet")


def _ready(facts: Facts) -> Condition:
    state = facts.state
    if facts.problem:
        return _condition(facts, types.READY, False, facts.problem.reason, facts.problem.message)
    split = facts.seen.split
    if state.phase is Phase.STABLE and facts.seen.gateway and not split.live:
        return _condition(facts, types.READY, False, split.reason, split.problem)
    done = state.phase is Phase.STABLE and state.control == facts.seen.target
    if done:
        return _condition(facts, types.READY, True, "RolledOut", f"Revision {state.control} is fully rolled out")
    return _condition(
        facts,
        types.READY,
        False,
        state.reason or state.phase,
        state.message or (facts.seen.wait and _unready(facts)) or f"The rollout is {state.phase}",
    )


def _progressing(facts: Facts) -> Condition:
    state = facts.state
    if state.phase not in UNDER_TEST and state.phase not in (Phase.INITIALIZING, Phase.ROLLING_BACK):
        return _condition(facts, types.PROGRESSING, False, state.phase, "")
    if late := why_overdue(facts.spec, state):
        return _condition(facts, types.PROGRESSING, False, "MaxDurationExceeded", late)
    message = f"Revision {state.candidate or state.control} at {state.traffic} %"
    if state.phase is Phase.WATCHING and state.traffic == 100:
        message += ": without a control group only pod signals and thresholds guard it"
    told = (_unready(facts), facts.seen.split.problem if state.live_since is None else "")
    message += "".join(f". {part}" for part in told if part)
    return _condition(facts, types.PROGRESSING, True, state.phase, message)


def _degraded(facts: Facts) -> Condition:
    state, seen = facts.state, facts.seen
    if facts.problem:
        return _condition(facts, types.DEGRADED, True, facts.problem.reason, facts.problem.message)
    if state.phase is Phase.ROLLED_BACK or _late(facts):
        return _condition(
            facts,
            types.DEGRADED,
            True,
            "CanaryRolledBack" if state.candidate == "" and not _late(facts) else state.reason,
            f"{state.reason}: {state.message}",
        )
    mixed = [name for name in {state.control, state.candidate} - {""} if len(seen.workload(name).digests) > 1]
    if mixed:
        message = f"Pods of revision {', '.join(sorted(mixed))} run different digests: the tag of its image was moved"
        return _condition(facts, types.DEGRADED, True, "DigestsDiffer", message)
    if state.phase is not Phase.INITIALIZING and not seen.workload(state.stable).ready:
        return _condition(facts, types.DEGRADED, True, "NoReadyPods", seen.workload(state.stable).problem)
    return _condition(facts, types.DEGRADED, False, "AsExpected", "")


def _paused(facts: Facts) -> Condition:
    state = facts.state
    if facts.spec.rollout.paused:
        return _condition(facts, types.PAUSED, True, "PausedBySpec", "spec.rollout.paused is true")
    if state.paused:
        return _condition(facts, types.PAUSED, True, "PausedByCommand", "Send the resume command to go on")
    if awaits_resume(facts.spec, state):
        return _condition(
            facts, types.PAUSED, True, "PausedByStep", f"Step {state.step + 1} waits for the resume command"
        )
    return _condition(facts, types.PAUSED, False, "NotPaused", "")


def _metrics_available(facts: Facts) -> Condition:
    verdict = facts.seen.verdict
    if facts.seen.metrics_problem:
        return _condition(facts, types.METRICS_AVAILABLE, False, "MetricsUnavailable", facts.seen.metrics_problem)
    if verdict is None:
        return _condition(facts, types.METRICS_AVAILABLE, None, "NothingToJudge", "")
    if uncounted := why_uncounted(facts.state, facts.seen, facts.now):
        return _condition(facts, types.METRICS_AVAILABLE, False, NOTHING_COUNTED, uncounted)
    blind = verdict.outcome is Outcome.BLIND
    return _condition(facts, types.METRICS_AVAILABLE, not blind, verdict.reason if blind else "Read", verdict.message)


def _scaling_active(facts: Facts) -> Condition:
    """What stable's autoscaler says: without metrics it would do nothing, and tell nobody who does not ask it."""
    told = facts.seen.workload(facts.state.stable).autoscaler
    if told is None:
        return _condition(facts, types.SCALING_ACTIVE, None, "AutoscalerPending", "")
    return _condition(facts, types.SCALING_ACTIVE, told.active, told.reason, "" if told.active else told.message)


def _image_fixed(facts: Facts) -> Condition:
    target = facts.revisions.get(facts.seen.target)
    image = target.image if target else facts.spec.runtime.image or ""
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    if "@sha256:" in image or (tag and tag != "latest"):
        return _condition(facts, types.IMAGE_FIXED, True, "FixedTag", "")
    message = f"The image is {image!r}: a tag that moves cannot be rolled back, use a fixed tag or a digest"
    return _condition(facts, types.IMAGE_FIXED, False, "MutableTag", message)


def _url(spec: ModelDeploymentSpec) -> str:
    hostnames = spec.route.hostnames if spec.route else []
    return f"http://{hostnames[0]}{(spec.route.paths if spec.route else ['/'])[0]}" if hostnames else ""


def _last_metrics(state: RolloutState, before: Status) -> list[MetricStatus]:
    """What decided stays to be read until another candidate comes."""
    return [] if state.phase is Phase.PREPARING and not state.weights else before.metrics


def _short(metric: MetricStatus) -> MetricStatus:
    return metric.model_copy(update={"message": metric.message[:MAX_METRIC_MESSAGE]})
