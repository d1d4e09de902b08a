"""`advance`: from what is remembered and what is seen to the next state.

It is pure and total. One call makes at most one transition; the caller asks again at
once after each. Safety is asked first, whatever a phase waits for.
"""

from collections.abc import Callable
from dataclasses import replace

from serinus.api.status import MAX_MESSAGE, Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.capacity import wanted_candidate
from serinus.rollout.exposure import final_weight
from serinus.rollout.holds import held, hold, overdue, stays_overdue
from serinus.rollout.observation import Observation
from serinus.rollout.orders import after_step, obey
from serinus.rollout.safety import UNDER_TEST, automatic
from serinus.rollout.step import Event, Look, Step, awaits_resume, change, enter, roll_back, weigh
from serinus.rollout.trust import trusted
from serinus.rollout.turns import Wait
from serinus.traffic.split import PENDING

WARM_UP = 1.0
"""Seconds between a gateway's first knowledge of a backend and its first share of the traffic."""


def advance(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation, now: float) -> Step:
    """Return the next state of a rollout; equal arguments give an equal step."""
    look = Look(spec, trusted(Look(spec, state, seen, now)), seen, now)
    if look.state != state:
        return Step(look.state)
    if look.state.phase in UNDER_TEST:
        step = automatic(look)
        if step:
            return step
        look = _shortage_noted(look)
    return obey(look) or _seen_live(look) or hold(look) or overdue(look) or _PHASES[look.state.phase](look)


def _stay(look: Look) -> Step:
    return Step(look.state)


def _shortage_noted(look: Look) -> Look:
    """Remember since when the candidate has lacked ready pods: the progress deadline counts from there."""
    short = not _enough_pods(look)
    if short == (look.state.short_since is not None):
        return look
    return replace(look, state=change(look.state, short_since=look.now if short else None))


def _seen_live(look: Look) -> Step | None:
    """The gateways follow the present weight, or know the first route: its time begins."""
    counts = look.state.candidate or look.state.phase is Phase.INITIALIZING
    if not counts or look.state.live_since is not None or not look.routed:
        return None
    return Step(change(look.state, live_since=look.now))


def _initializing(look: Look) -> Step:
    """The first revision serves as soon as it is ready: there is nothing to compare it with."""
    state, seen = look.state, look.seen
    pods, limit = seen.workload(state.control), look.spec.rollout.progress_deadline
    if pods.ready > 0:
        event = Event("FirstRevisionServes", f"Revision {state.control} is the first to be ready and serves")
        serves = enter(look, Phase.STABLE, reason="", message="", live_since=None, warm=False)
        return _introducing(look) or Step(serves, (event,), stamp=state.control)
    if look.now - state.since < limit or state.reason:
        return _stay(look)
    message = f"No pod of revision {state.control} was ready after {limit:g} s. {pods.problem}".strip()
    late = change(state, reason="ProgressDeadlineExceeded", message=message[:MAX_MESSAGE])
    return Step(late, (Event("ProgressDeadlineExceeded", message, warning=True),))


def _introducing(look: Look) -> Step | None:
    """Let the gateway know the first backends while the route lets nobody in.

    A gateway that is missing or refuses the route is not waited for, and one that does not
    answer only until the deadline: the pods serve callers in the cluster.
    """
    state, split = look.state, look.seen.split
    if not look.seen.gateway or split.open:
        return None
    if state.live_since is not None:
        return _stay(look) if look.live_for < WARM_UP else None
    if split.reason != PENDING:
        return None
    if not state.warm:
        return Step(change(state, warm=True, since=look.now))
    return _stay(look) if look.now - state.since < look.spec.rollout.progress_deadline else None


def _resting(look: Look) -> Step:
    """Stable, rolled back or queued: wait for a spec that is neither stable's nor known to be bad."""
    state, target = look.state, look.seen.target
    if target == state.control:
        failed = state.failed if look.seen.refused else []  # nobody asked for stable: what is known of others stands
        if state.phase is Phase.STABLE and state.failed == failed:
            return _stay(look)
        return Step(enter(look, Phase.STABLE, failed=failed, reason="", message=""))
    if state.has_failed(target):
        return _remembered(look, target)
    if look.spec.rollout.paused:
        return Step(enter(look, Phase.STABLE)) if state.phase is Phase.QUEUED else _stay(look)
    if look.seen.wait:
        return _queued(look, look.seen.wait)
    fresh = enter(
        look, Phase.PREPARING, candidate=target, step=0, weight=0, weights=[], live_since=None,
        warm=False, forced=False, paused=False, resumed_step=-1, reason="", message="",
    )  # fmt: skip
    return Step(
        fresh,
        (Event("RolloutStarted", f"Revision {target} is prepared beside stable revision {state.control}"),),
    )


def _queued(look: Look, wait: Wait) -> Step:
    """Others are in progress: nothing is prepared. The place is kept by when the phase began."""
    if look.state.phase is Phase.QUEUED:
        return _stay(look)
    event = Event("RolloutQueued", wait.told(look.seen.target))
    return Step(enter(look, Phase.QUEUED, reason="", message=""), (event,))


def takes_turns(before: RolloutState, after: RolloutState, seen: Observation, *, returns: bool) -> bool:
    """Tell whether a step begins a rollout that may have to wait for others.

    Not a revision that `returns`, which was stable once, nor one that is to help a model out whose
    stable revision serves nobody.
    """
    begins = not before.candidate and after.phase is Phase.PREPARING
    return begins and not returns and seen.workload(before.control).ready > 0


def _remembered(look: Look, target: str) -> Step:
    """This spec was taken back before; its reason stands until it is retried."""
    state = look.state
    failure = next(known for known in state.failed if known.revision == target)
    told = state.reason == failure.reason and state.message.startswith(failure.message)
    if state.phase is Phase.ROLLED_BACK and told:
        return _stay(look)
    return Step(enter(look, Phase.ROLLED_BACK, reason=failure.reason, message=failure.message))


def _enough_pods(look: Look) -> bool:
    return look.seen.workload(look.state.candidate).ready >= wanted_candidate(look.spec, look.state, look.seen)


def _raised(look: Look, state: RolloutState, weight: int) -> Step:
    event = Event("WeightRaised", f"Revision {state.candidate} gets {weight} % of the traffic")
    return Step(weigh(look, state, weight), (event,))


def _warming(look: Look) -> Step | None:
    """Let the gateway know the candidate's backend before anybody is sent there."""
    state = look.state
    if not look.seen.gateway or state.weight > 0:
        return None
    if not state.warm:
        return Step(change(state, warm=True, live_since=None))
    return _stay(look) if state.live_since is None or look.live_for < WARM_UP else None


def _preparing(look: Look) -> Step:
    """Pods first, then the first step; nobody is exposed while the metrics cannot be read."""
    if cooled := _cooling(look):
        return cooled
    if look.paused or stays_overdue(look) or held(look, "Blind") or not _enough_pods(look):
        return _stay(look)
    step = look.spec.rollout.steps[0]
    return _warming(look) or _raised(look, enter(look, Phase.STEPPING, step=0), step.weight)


def _cooling(look: Look) -> Step | None:
    """Let the gateway forget the backend of a candidate whose pods were lost, once nobody is on it."""
    state = look.state
    lost = state.warm and look.seen.workload(state.candidate).ready == 0
    drained = state.live_since is not None and look.live_for >= look.drain
    return Step(change(state, warm=False, live_since=None)) if lost and drained else None


def _stepping(look: Look) -> Step:
    """A step is over when its time is, its proof is there and all pods are ready."""
    state = look.state
    step = look.spec.rollout.steps[min(state.step, len(look.spec.rollout.steps) - 1)]
    if look.paused or state.takeover or stays_overdue(look) or not _enough_pods(look):
        return _stay(look)
    if state.weight < step.weight:
        return _stay(look) if held(look, "Blind") else _raised(look, state, step.weight)
    verdict = look.seen.verdict
    unjudged = verdict is None and state.hold != "Blind"  # the hold's policy decides about Blind
    if unjudged or state.live_since is None or look.live_for < step.min_duration:
        return _stay(look)
    if held(look, "Blind", "Inconclusive") or awaits_resume(look.spec, state):
        return _stay(look)
    how, reason = ("ended without proof", "StepEndedByPolicy") if state.hold else ("passed", "StepPassed")
    message = f"Step {state.step + 1} at {state.weight} % {how}. {verdict.message if verdict else ''}"
    event = Event(reason, message.strip(), warning=bool(state.hold))
    return Step(after_step(look), (event,))


def _promoting(look: Look) -> Step:
    """Full size first, then the traffic, then the Service; stamped when the old pods are drained."""
    state = look.state
    final = final_weight(look.spec, gateway=look.seen.gateway)
    if state.weight < final:
        waits = look.paused or (state.takeover and not state.forced) or not _enough_pods(look)
        return _stay(look) if waits or held(look, "Blind") else _warming(look) or _raised(look, state, final)
    moved = look.seen.service_revisions == {state.candidate}
    if state.live_since is None or not moved or look.live_for < look.drain:
        return _stay(look)
    event = Event("Promoted", f"Revision {state.candidate} is stable now")
    return Step(enter(look, Phase.WATCHING), (event,), stamp=state.candidate)


def _watching(look: Look) -> Step:
    """The control keeps its share until the watch is over or a newer spec wants its place."""
    state, rollout = look.state, look.spec.rollout
    final = rollout.final_weight if look.seen.gateway else 100
    superseded = look.seen.target != state.candidate
    if state.weight == 0:
        message = f"The traffic of revision {state.candidate} was taken away before the operator could write why"
        return roll_back(look, Event("RollbackResumed", message, warning=True))
    if state.weight < final:
        return _stay(look) if held(look, "Blind") or not _enough_pods(look) else _raised(look, state, final)
    over = look.now - state.since >= rollout.watch_after_promotion
    ending = final < 100 <= state.weight
    if not ending and not superseded and (not over or held(look, "Blind")):
        return _stay(look)
    if state.weight < 100:
        return _raised(look, state, 100) if _enough_pods(look) else _stay(look)
    return _watched(look) if look.live_for >= look.drain and state.live_since is not None else _stay(look)


def _watched(look: Look) -> Step:
    state = look.state
    done = enter(
        look, Phase.STABLE, control=state.candidate, control_slot=1 - state.control_slot, candidate="",
        weight=0, weights=[], live_since=None, step=0, warm=False, takeover=False, reason="", message="",
    )  # fmt: skip
    event = Event("RolloutCompleted", f"Revision {state.candidate} has all traffic, revision {state.control} is let go")
    return Step(done, (event,))


def _rolling_back(look: Look) -> Step:
    """The route first; pods stay until their last requests are answered."""
    state = look.state
    exposed = any(change.weight for change in state.weights)
    lost = look.now - state.since >= look.drain + look.spec.rollout.progress_deadline  # no gateway follows any more
    drained = lost or (state.live_since is not None and look.live_for >= look.drain)
    if exposed and look.seen.gateway and not drained:
        return _stay(look)
    failed = state.has_failed(state.candidate)
    done = enter(
        look,
        Phase.ROLLED_BACK if failed else Phase.STABLE,
        candidate="",
        weight=0,
        weights=[],
        live_since=None,
        step=0,
        warm=False,
    )
    message = f"Revision {state.control} has all traffic again. {state.message}".strip()
    return Step(done, (Event("RolledBack", message, warning=failed),))


_PHASES: dict[Phase, Callable[[Look], Step]] = {
    Phase.INITIALIZING: _initializing,
    Phase.STABLE: _resting,
    Phase.QUEUED: _resting,
    Phase.ROLLED_BACK: _resting,
    Phase.PREPARING: _preparing,
    Phase.STEPPING: _stepping,
    Phase.PROMOTING: _promoting,
    Phase.WATCHING: _watching,
    Phase.ROLLING_BACK: _rolling_back,
}
