"""Which revision a command is about, and whether it fits where the rollout stands."""

from __future__ import annotations

from dataclasses import dataclass

from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views.facts import Facts

UNDER_WAY = frozenset({"Preparing", "Stepping", "Promoting"})
_FITS = {
    "promote": UNDER_WAY,
    "abort": UNDER_WAY | {"Watching"},
    "retry": frozenset({"RolledBack"}),
    "pause": UNDER_WAY,
    "resume": UNDER_WAY,
    "skip-step": frozenset({"Stepping"}),
}
"""The phases in which the operator obeys each verb."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What to send; `done` says why nothing need be sent."""

    revision: str
    done: str = ""


def aim(verb: str, facts: Facts, failed: str = "") -> Aim:
    """Return which revision a verb is about.

    Args:
        verb: as the operator knows it.
        facts: the model.
        failed: with retry, the revision that the spec asks for, if it was taken back.

    Raises:
        Trouble: the rollout is not where the verb would do anything.
    """
    if facts.phase not in _FITS[verb]:
        raise Trouble(f"{facts.name} cannot be told to {verb}: {_instead(verb, facts)}", Exit.UNFIT)
    if verb == "retry":
        return Aim(failed or _last_failed(facts))
    if verb == "resume":
        return Aim(facts.newer, _not_paused(facts))
    if verb == "pause" and facts.rollout.get("paused"):
        return Aim(facts.newer, f"{facts.name} is paused already: `serinus resume {facts.name}` goes on")
    return Aim(facts.newer)


def _last_failed(facts: Facts) -> str:
    failed = facts.rollout.get("failed") or []
    if not failed:
        raise Trouble(f"{facts.name} remembers no failed revision: apply the version that you want to try", Exit.UNFIT)
    return str(failed[-1]["revision"])


def _not_paused(facts: Facts) -> str:
    """Return why there is nothing to resume; empty where there is.

    Raises:
        Trouble: it is the spec that pauses.
    """
    paused = facts.condition("Paused")
    if facts.rollout.get("paused") or paused.get("reason") == "PausedByStep" or _ahead(facts):
        return ""
    if facts.setting("rollout", "paused", False):
        raise Trouble(
            f"{facts.name} is paused by its spec: set spec.rollout.paused to false in its manifest and apply it",
            Exit.UNFIT,
        )
    return f"{facts.name} is not paused; `serinus status {facts.name}` says what it waits for"


def _ahead(facts: Facts) -> bool:
    """Tell whether the present step will end with a pause: resuming now approves it."""
    at = min(int(facts.rollout.get("step") or 0), len(facts.steps) - 1)
    return facts.phase == "Stepping" and bool(facts.steps[at].get("pause"))


def _instead(verb: str, facts: Facts) -> str:  # noqa: PLR0911 - a case for each phase
    """Say where the rollout stands, and what to do."""
    name, newer, older = facts.name, facts.newer, facts.older
    match facts.phase:
        case "":
            return "the operator has not looked at it yet"
        case "Initializing":
            return f"its first revision {older} starts, with nothing beside it; apply another version to replace it"
        case "Stable":
            return f"it is at rest, revision {older} serves all traffic; apply a new version to start a rollout"
        case "Queued":
            return f"its next revision waits for other rollouts: {facts.status.get('message')}"
        case "Watching" if verb == "promote":
            return f"revision {newer} is promoted already, and watched"
        case "Watching":
            return f"revision {newer} is promoted and watched; `serinus abort {name}` would take it back"
        case "RollingBack":
            return f"canary {newer} is being taken back; wait for that with `serinus status {name} --watch`"
        case "RolledBack":
            return (
                f"the canary was taken back ({facts.status.get('reason')}); `serinus retry {name}` tries it once more"
            )
        case _ if verb == "retry":
            return f"canary {newer} is under way, and only what was taken back can be tried again"
        case phase:
            return f"it is {phase}, and only a canary on its steps can skip one; see `serinus status {name}`"
