"""What a decision returns, and the few ways to make one."""

from dataclasses import dataclass

from serinus.api.status import (
    MAX_FAILED,
    MAX_MESSAGE,
    MAX_PAST_MESSAGE,
    FailedRevision,
    Phase,
    RolloutState,
    WeightChange,
)
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.observation import Observation

MAX_WEIGHTS = 30
"""Remembered weight changes: the first, which anchors the evidence, and the newest."""


@dataclass(frozen=True, slots=True)
class Event:
    """A transition that people want to read about."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The next state; `stamp` names a revision that becomes stable on record with it."""

    state: RolloutState
    events: tuple[Event, ...] = ()
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The arguments of every rule."""

    spec: ModelDeploymentSpec
    state: RolloutState
    seen: Observation
    now: float

    @property
    def paused(self) -> bool:
        """Tell whether a person holds the rollout."""
        return self.state.paused or self.spec.rollout.paused

    @property
    def drain(self) -> float:
        """Return how long pods without traffic are kept, in seconds."""
        return max(self.spec.rollout.drain, self.spec.route.timeout if self.spec.route else 0.0)

    @property
    def routed(self) -> bool:
        """Tell whether the wanted split is what the gateways follow."""
        split, state = self.seen.split, self.state
        return split.live and (not self.seen.gateway or split.weight_of(state.candidate) == state.traffic)

    @property
    def live_for(self) -> float:
        """Return for how long the present weight has been live, in seconds."""
        return 0.0 if self.state.live_since is None else self.now - self.state.live_since


def awaits_resume(spec: ModelDeploymentSpec, state: RolloutState) -> bool:
    """Tell whether the present step ends with a pause that nobody has ended yet."""
    step = spec.rollout.steps[min(state.step, len(spec.rollout.steps) - 1)]
    pauses = step.pause and state.resumed_step < state.step
    return state.phase is Phase.STEPPING and pauses and state.weight >= step.weight


def change(state: RolloutState, **update: object) -> RolloutState:
    """Return the state with some fields changed, validated."""
    return RolloutState.model_validate({**dict(state), **update})


def enter(look: Look, phase: Phase, **update: object) -> RolloutState:
    """Return the state at the beginning of a phase."""
    unheld = {"hold": "", "hold_since": None, "short_since": None}
    return change(look.state, phase=phase, since=look.now, **{**unheld, **update})


def weigh(look: Look, state: RolloutState, weight: int) -> RolloutState:
    """Return the state with another weight, remembered with its time; it is not live yet."""
    return noted(look, change(state, weight=weight), weight)


def noted(look: Look, state: RolloutState, share: int) -> RolloutState:
    """Return the state with the share that the candidate gets from now on: the judge must know it."""
    changes = [*state.weights, WeightChange(time=look.now, weight=share)]
    if len(changes) > MAX_WEIGHTS:
        changes = [changes[0], *changes[1 - MAX_WEIGHTS :]]
    return change(state, live_since=None, weights=changes)


def roll_back(look: Look, event: Event, *, remember: bool = True) -> Step:
    """Return the step that gives all traffic back to the control.

    A remembered candidate is not tried again until it is retried or the stable spec was
    applied. During the watch the candidate was stable on record; the control is again.
    """
    state, candidate = look.state, look.state.candidate
    failed = [known for known in state.failed if known.revision != candidate]
    if remember:
        failure = FailedRevision(
            revision=candidate, reason=event.reason, message=event.message[:MAX_PAST_MESSAGE], time=look.now
        )
        failed = [*failed, failure][-MAX_FAILED:]
    back = weigh(look, enter(look, Phase.ROLLING_BACK, takeover=False, paused=False, forced=False), 0)
    back = change(back, failed=failed, reason=event.reason, message=event.message[:MAX_MESSAGE])
    return Step(back, (event,), stamp=state.control if state.phase is Phase.WATCHING else "")
