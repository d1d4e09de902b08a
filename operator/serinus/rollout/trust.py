"""Makes a persisted state fit what is on record; what does not fit is discarded for the safe one."""

from serinus.api.status import Phase, RolloutState, WeightChange
from serinus.rollout.observation import Observation
from serinus.rollout.step import Event, Look, change, enter, roll_back, weigh

_WITH_CANDIDATE = frozenset({Phase.PREPARING, Phase.STEPPING, Phase.PROMOTING, Phase.WATCHING, Phase.ROLLING_BACK})


def trusted(look: Look) -> RolloutState:
    """Return a state that every rule can rely on."""
    state, seen = look.state, look.seen
    if not seen.stamped:
        return _first(look)
    recorded = {state.control, state.candidate} <= seen.revisions and state.control != state.candidate
    if recorded and state.phase is Phase.PROMOTING and seen.stamped == state.candidate:
        return enter(look, Phase.WATCHING)
    if recorded and state.phase is Phase.WATCHING and seen.stamped == state.control:
        lost = Event("RollbackResumed", "The control was already stable on record again", warning=True)
        return roll_back(look, lost).state
    if not _fits(state, seen):
        return _safe(look)
    return _believe_lower_weight(look) if seen.first_look else state


def _first(look: Look) -> RolloutState:
    state = look.state
    known = state.phase is Phase.INITIALIZING and state.control == look.seen.target
    if known and not state.candidate and not state.traffic:
        return state
    fresh = RolloutState(phase=Phase.INITIALIZING, control=look.seen.target, since=look.now)
    return change(fresh, failed=state.failed, last_command=state.last_command)


def _fits(state: RolloutState, seen: Observation) -> bool:
    has_candidate = state.phase in _WITH_CANDIDATE
    known = state.control in seen.revisions and (not state.candidate or state.candidate in seen.revisions)
    return (
        known
        and state.phase is not Phase.INITIALIZING
        and state.stable == seen.stamped
        and has_candidate == bool(state.candidate)
        and state.candidate != state.control
        and (state.traffic == 0 or (has_candidate and state.phase is not Phase.ROLLING_BACK))
    )


def _safe(look: Look) -> RolloutState:
    """The stamped stable at 100; a revision that still has traffic is drained first."""
    seen, state = look.seen, look.state
    others = [r for r, weight in seen.split.weights.items() if weight and r != seen.stamped and r in seen.revisions]
    own = [(weight, slot) for slot, (revision, weight) in enumerate(seen.split.slots) if revision == seen.stamped]
    fresh = RolloutState(failed=state.failed, last_command=state.last_command)
    exposed = (
        [WeightChange(time=look.now, weight=weight) for weight in (seen.split.weight_of(others[0]), 0)]
        if others
        else []
    )
    return change(
        fresh,
        phase=Phase.ROLLING_BACK if others else Phase.STABLE,
        control=seen.stamped,
        candidate=others[0] if others else "",
        control_slot=max(own)[1] if own else 0,
        since=look.now,
        weights=exposed,
        warm=bool(others),
        reason="StateLost" if others else "",
        message="The rollout's state was lost; the stable revision takes all traffic" if others else "",
    )


def _believe_lower_weight(look: Look) -> RolloutState:
    """A route that gives the candidate less than status says was lowered by a decision that was not written."""
    state, seen = look.state, look.seen
    if not (seen.gateway and seen.split.slots and state.candidate) or state.takeover:
        return state
    weight = seen.split.weight_of(state.candidate)
    if weight >= state.weight:
        return state
    lowered = weigh(look, state, weight)
    before = state.weights[-2].weight if len(state.weights) > 1 else 0
    taken = state.phase is Phase.STEPPING or (state.phase is Phase.PROMOTING and before > 0)
    if weight == 0 and taken:
        return change(lowered, phase=Phase.PREPARING, step=0, since=look.now)
    return lowered
