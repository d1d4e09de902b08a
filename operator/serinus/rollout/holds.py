"""What keeps a rollout from going on for want of knowledge, for how long, and what then.

Blind and Inconclusive each have a limit and a policy in every step. `maxDuration` is the
limit of the whole way up; while a person holds the rollout or the judge is blind it
decides nothing, although its time goes on.
"""

from serinus.analysis import Outcome
from serinus.api.analysis import NOTHING_COUNTED
from serinus.api.durations import render
from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec, OnHold
from serinus.rollout.observation import Observation
from serinus.rollout.orders import UNDER_WAY
from serinus.rollout.step import Event, Look, Step, awaits_resume, change, roll_back

_KINDS = {Outcome.BLIND: "Blind", Outcome.INCONCLUSIVE: "Inconclusive"}
UNCOUNTED_AFTER = 60.0
"""Seconds without any request after which status says so."""
_TIMED = frozenset({Phase.PREPARING, Phase.STEPPING})
"""Phases that `maxDuration` ends."""


def why_blind(seen: Observation) -> str:
    """Return in words why nothing can be judged, with the reason; empty while it can."""
    verdict = seen.verdict
    if seen.metrics_problem or verdict is None or verdict.outcome is not Outcome.BLIND:
        return seen.metrics_problem
    return f"{verdict.reason}: {verdict.message}"


def why_uncounted(state: RolloutState, seen: Observation, now: float) -> str:
    """Return in words that no request was counted at all, once that cannot be the first scrapes any more."""
    verdict, since = seen.verdict, state.hold_since
    if verdict is None or verdict.reason != NOTHING_COUNTED or since is None or now - since < UNCOUNTED_AFTER:
        return ""
    return verdict.message


def _kind(look: Look) -> str:
    """Return the hold that this look asks for."""
    state, seen = look.state, look.seen
    if state.phase not in UNDER_WAY and state.phase is not Phase.WATCHING:
        return ""
    if seen.metrics_problem:
        return "Blind"
    return _KINDS.get(seen.verdict.outcome, "") if seen.verdict and state.live_since is not None else ""


def hold(look: Look) -> Step | None:
    """Remember since when the judge has had too little to say, and say once that it is blind.

    One hold is one Event, whatever reasons it has one after the other: status shows the present one.
    """
    state, kind = look.state, _kind(look)
    if kind == state.hold:
        return None
    event = Event("AnalysisBlind", why_blind(look.seen), warning=True) if kind == "Blind" else None
    if state.hold == "Blind" and not event:
        event = Event("AnalysisResumed", "The metrics can be read again")
    return Step(change(state, hold=kind, hold_since=look.now if kind else None), (event,) if event else ())


def held(look: Look, *kinds: str) -> bool:
    """Tell whether a hold of one of the kinds stands in the way, by policy and limit."""
    state = look.state
    if state.hold not in kinds or state.forced:
        return False
    policy, limit = _limit(look)
    over = _lasted(look, limit) or (state.hold == "Inconclusive" and _is_overdue(look))
    return not (over and policy is OnHold.PROMOTE)


def held_too_long(look: Look) -> Step | None:
    """A hold reached its limit and the policy says to take the candidate back."""
    policy, limit = _limit(look)
    if policy is not OnHold.ROLLBACK or not _lasted(look, limit):
        return None
    kind = look.state.hold
    message = f"{kind} for {limit:g} s, and on{kind} is Rollback"
    return roll_back(look, Event(f"{kind}TooLong", message, warning=True))


def _limit(look: Look) -> tuple[OnHold, float]:
    analysis = look.spec.analysis
    limits = {
        "Blind": (analysis.on_blind, analysis.blind_after),
        "Inconclusive": (analysis.on_inconclusive, analysis.inconclusive_after),
    }
    return limits.get(look.state.hold, (OnHold.HOLD, 0.0))


def _lasted(look: Look, limit: float) -> bool:
    since = look.state.hold_since
    return since is not None and look.now - since >= limit


def _is_overdue(look: Look) -> bool:
    state, limit = look.state, look.spec.analysis.max_duration
    if limit is None or not state.weights or state.phase not in _TIMED:
        return False
    return look.now - state.weights[0].time >= limit


def _is_decided_elsewhere(look: Look) -> bool:
    """Tell whether a person, or the policy for blindness, has the word."""
    waits = look.paused or awaits_resume(look.spec, look.state) or look.state.takeover
    return waits or "Blind" in {look.state.hold, _kind(look)}


def overdue_taken_back(look: Look) -> Step | None:
    """The time of the rollout is over and the policy says to take the candidate back."""
    if look.spec.analysis.on_inconclusive is not OnHold.ROLLBACK or not _is_overdue(look):
        return None
    return None if _is_decided_elsewhere(look) else roll_back(look, _overdue_event(look))


def overdue(look: Look) -> Step | None:
    """Say once that the time of the rollout is over; forget it when it is given more."""
    state, over = look.state, _is_overdue(look)
    if state.overdue:
        return None if over else Step(change(state, overdue=False))
    if not over or _is_decided_elsewhere(look):
        return None
    return Step(change(state, overdue=True), (_overdue_event(look),))


def stays_overdue(look: Look) -> bool:
    """Tell whether the rollout goes no further because its time is over."""
    return _is_overdue(look) and look.spec.analysis.on_inconclusive is OnHold.HOLD


def why_overdue(spec: ModelDeploymentSpec, state: RolloutState) -> str:
    """Return in words why a rollout whose time is over waits for a person; empty while it does not."""
    limit = spec.analysis.max_duration
    if not state.overdue or limit is None or state.phase not in _TIMED:
        return ""
    if spec.analysis.on_inconclusive is not OnHold.HOLD:
        return ""
    return (
        f"Revision {state.candidate} was not promoted within the {render(limit)} of analysis.maxDuration and stays at "
        f"{state.weight} %: promote it, abort it, or give it more time"
    )


def _overdue_event(look: Look) -> Event:
    analysis, verdict = look.spec.analysis, look.seen.verdict
    message = (
        f"Not promoted within the {render(analysis.max_duration or 0.0)} of analysis.maxDuration, and onInconclusive is "
        f"{analysis.on_inconclusive}. {verdict.message if verdict else ''}"
    )
    return Event("MaxDurationExceeded", message.strip(), warning=True)
