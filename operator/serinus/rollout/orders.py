"""Obeys commands."""

from collections.abc import Callable

from serinus.api.status import Phase, RolloutState
from serinus.rollout.command import MAX_COMMAND, Command, Verb, parse
from serinus.rollout.step import Event, Look, Step, change, enter, roll_back

UNDER_WAY = frozenset({Phase.PREPARING, Phase.STEPPING, Phase.PROMOTING})
"""Phases in which the candidate is on its way up."""


def obey(look: Look) -> Step | None:
    """Return the step that a new command causes; None when there is no new command.

    A command that names the wrong revision or comes at the wrong time is an Event and
    nothing else. It is never repeated: status holds the last one.
    """
    text = look.seen.command[:MAX_COMMAND]
    if not text or text == look.state.last_command:
        return None
    try:
        command = parse(text)
    except ValueError as error:
        return _done(look, _ignored(look, str(error)))
    step = _OBEY[command.verb](look, command)
    return _done(look, step or _ignored(look, f"{command.verb} of revision {command.revision} {_mismatch(look)}"))


def _done(look: Look, step: Step) -> Step:
    return Step(change(step.state, last_command=look.seen.command[:MAX_COMMAND]), step.events, step.stamp)


def _ignored(look: Look, why: str) -> Step:
    return Step(look.state, (Event("CommandIgnored", why, warning=True),))


def _mismatch(look: Look) -> str:
    candidate = look.state.candidate or "none"
    return f"does not fit: the phase is {look.state.phase} and the revision under test is {candidate}"


def _meant(look: Look, command: Command, phases: frozenset[Phase] = UNDER_WAY) -> bool:
    return look.state.phase in phases and command.revision == look.state.candidate


def _promote(look: Look, command: Command) -> Step | None:
    if not _meant(look, command):
        return None
    state = enter(look, Phase.PROMOTING, forced=True, paused=False)
    return Step(state, (Event("PromotedByCommand", f"Revision {command.revision} is promoted by command"),))


def _abort(look: Look, command: Command) -> Step | None:
    if not _meant(look, command, UNDER_WAY | {Phase.WATCHING}):
        return None
    return roll_back(look, Event("Aborted", f"Revision {command.revision} was aborted by command", warning=True))


def _retry(look: Look, command: Command) -> Step | None:
    if look.state.phase is not Phase.ROLLED_BACK or not look.state.has_failed(command.revision):
        return None
    failed = [known for known in look.state.failed if known.revision != command.revision]
    state = enter(look, Phase.STABLE, failed=failed, reason="", message="")
    return Step(state, (Event("Retried", f"Revision {command.revision} is tried again by command"),))


def _pause(look: Look, command: Command) -> Step | None:
    if not _meant(look, command):
        return None
    state = change(look.state, paused=True)
    return Step(state, (Event("PausedByCommand", f"Revision {command.revision} stays at {look.state.weight} %"),))


def _resume(look: Look, command: Command) -> Step | None:
    if not _meant(look, command):
        return None
    done = look.state.step if look.state.phase is Phase.STEPPING else look.state.resumed_step
    state = change(look.state, paused=False, resumed_step=done)
    return Step(state, (Event("ResumedByCommand", f"Revision {command.revision} goes on"),))


def _skip_step(look: Look, command: Command) -> Step | None:
    if not _meant(look, command, frozenset({Phase.STEPPING})):
        return None
    return Step(after_step(look), (Event("StepSkipped", f"Step {look.state.step + 1} was skipped by command"),))


def after_step(look: Look) -> RolloutState:
    """Return the state that follows the present step: the next one, or promotion."""
    if look.state.step + 1 < len(look.spec.rollout.steps):
        return enter(look, Phase.STEPPING, step=look.state.step + 1)
    return enter(look, Phase.PROMOTING)


_OBEY: dict[Verb, Callable[[Look, Command], Step | None]] = {
    Verb.PROMOTE: _promote,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.SKIP_STEP: _skip_step,
}
