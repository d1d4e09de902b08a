"""Reasons to lower the candidate's traffic. They are asked on every look, before anything else.

Each rule returns the step it wants, or None.
"""

from collections.abc import Callable

from serinus.analysis import Outcome
from serinus.api.status import Phase
from serinus.rollout.capacity import wanted_candidate
from serinus.rollout.holds import held_too_long, overdue_taken_back
from serinus.rollout.observation import CRASH_RESTARTS
from serinus.rollout.orders import UNDER_WAY
from serinus.rollout.step import Event, Look, Step, change, enter, noted, roll_back, weigh

Rule = Callable[[Look], Step | None]

UNDER_TEST = UNDER_WAY | {Phase.WATCHING}


def verdict_failed(look: Look) -> Step | None:
    """The judge's evidence is over its limit, or a threshold was broken."""
    verdict = look.seen.verdict
    if verdict is None or verdict.outcome is not Outcome.FAIL:
        return None
    return roll_back(look, Event(verdict.reason, verdict.message, warning=True))


def crash_looping(look: Look) -> Step | None:
    """A container of the candidate restarted too often."""
    pods = look.seen.workload(look.state.candidate)
    if pods.restarts < CRASH_RESTARTS:
        return None
    message = f"A container of revision {look.state.candidate} restarted {pods.restarts} times. {pods.problem}".strip()
    return roll_back(look, Event("CrashLooping", message, warning=True))


def deadline_passed(look: Look) -> Step | None:
    """The pods that the next weight needs were not ready in time."""
    limit, since = look.spec.rollout.progress_deadline, look.state.short_since
    if look.state.phase is Phase.WATCHING or since is None or look.now - since < limit:
        return None
    pods, needed = (
        look.seen.workload(look.state.candidate),
        wanted_candidate(look.spec, look.state, look.seen),
    )
    message = (
        f"{pods.ready} of {needed} pods of revision {look.state.candidate} were ready after {limit:g} s. {pods.problem}"
    )
    return roll_back(look, Event("ProgressDeadlineExceeded", message.strip(), warning=True))


def spec_reverted(look: Look) -> Step | None:
    """The stable spec was applied again: a fast return, no analysis, nothing to remember."""
    if look.seen.target != look.state.control:
        return None
    return roll_back(
        look, Event("Reverted", f"The spec is that of revision {look.state.control} again"), remember=False
    )


def superseded(look: Look) -> Step | None:
    """A newer spec arrived before this one was promoted."""
    state, target = look.state, look.seen.target
    if state.phase not in (Phase.PREPARING, Phase.STEPPING) or target == state.candidate:
        return None
    event = Event("Superseded", f"Revision {state.candidate} gives way to {target}")
    return roll_back(look, event, remember=False)


def lost_candidate(look: Look) -> Step | None:
    """No pod of the candidate is ready: its traffic goes at once, its backend after it.

    On the way up it may come back and starts at the first step; a promoted one is
    taken back for good, because its control is still ready.
    """
    state = look.state
    if state.traffic == 0 or look.seen.workload(state.candidate).ready > 0:
        return None
    message = f"No pod of revision {state.candidate} is ready. {look.seen.workload(state.candidate).problem}".strip()
    if state.phase is Phase.WATCHING:
        control_ready = look.seen.workload(state.control).ready > 0
        return roll_back(look, Event("NoReadyPods", message, warning=True)) if control_ready else None
    back = weigh(look, enter(look, Phase.PREPARING, step=0, takeover=False, forced=False), 0)
    return Step(back, (Event("CanaryLost", message, warning=True),))


def stable_down(look: Look) -> Step | None:
    """No pod of the control is ready: a ready candidate takes everything until one is."""
    state = look.state
    down = look.seen.workload(state.control).ready == 0 and look.seen.workload(state.candidate).ready > 0
    if down == state.takeover or (down and state.weight == 100):
        return None
    if down:
        message = f"No pod of revision {state.control} is ready: revision {state.candidate} takes all traffic"
        return Step(
            noted(look, change(state, takeover=True, warm=True), 100), (Event("StableDown", message, warning=True),)
        )
    message = f"Revision {state.control} has ready pods again: revision {state.candidate} returns to {state.weight} %"
    return Step(noted(look, change(state, takeover=False), state.weight), (Event("StableRecovered", message),))


def automatic(look: Look) -> Step | None:
    """Return the step of the first rule that wants one.

    While the candidate serves in place of a control without a ready pod nothing takes it
    back: even a bad version serves better than none.
    """
    rules = _SERVING_ALONE if look.state.takeover else _RULES
    return next((step for rule in rules if (step := rule(look))), None)


_SERVING_ALONE: tuple[Rule, ...] = (lost_candidate, stable_down)
_RULES: tuple[Rule, ...] = (
    stable_down,
    verdict_failed,
    crash_looping,
    lost_candidate,
    deadline_passed,
    held_too_long,
    overdue_taken_back,
    spec_reverted,
    superseded,
)
