"""How a model is, in one sentence, and what one can do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from serinus.cli.views import times
from serinus.cli.views.facts import MIN_DURATION, WATCH, Facts


class Tone(StrEnum):
    """How good news is, as the colour that it is told in."""

    GOOD = "green"
    BUSY = "cyan"
    HELD = "yellow"
    BAD = "red"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a model is.

    Attributes:
        tone: of it all.
        headline: in one sentence.
        why: in the operator's words; may be empty.
        hints: commands that fit now, each with what it does.
    """

    tone: Tone
    headline: str
    why: str = ""
    hints: tuple[tuple[str, str], ...] = ()


def verdict(facts: Facts) -> Verdict:
    """Return how a model is."""
    found = _before_everything(facts) or _OF_PHASE.get(facts.phase, _unknown)(facts)
    behind = facts.model["metadata"].get("generation", 0) > facts.status.get("observedGeneration", 0)
    if behind and facts.phase:
        note = "The newest spec has not been looked at yet."
        return Verdict(found.tone, found.headline, f"{note} {found.why}".strip(), found.hints)
    return found


def _before_everything(facts: Facts) -> Verdict | None:
    """What counts more than the phase."""
    told = str(facts.status.get("message") or "")
    if facts.model["metadata"].get("deletionTimestamp"):
        return Verdict(Tone.BUSY, "It is being deleted: the route first, then the Services, then the pods")
    if not facts.phase:
        check = (("kubectl get pods -A -l app.kubernetes.io/name=serinus", "is the operator there?"),)
        return Verdict(Tone.HELD, "The operator has not looked at it yet", "", check)
    degraded, refused = facts.condition("Degraded"), facts.status.get("reason")
    if facts.phase != "RolledBack" and degraded.get("status") == "True" and degraded.get("reason") == refused:
        serves = f"; revision {facts.older} keeps serving" if facts.older and facts.is_true("Available") else ""
        return Verdict(Tone.BAD, f"{refused}: nothing goes on until that is put right{serves}", told)
    if facts.rollout.get("takeover"):
        headline = f"Stable has no ready pod: canary {facts.newer} takes all traffic"
        return Verdict(Tone.BAD, headline, str(facts.condition("Degraded").get("message") or told))
    return None


def _initializing(facts: Facts) -> Verdict:
    revision = facts.described(facts.older)
    ready, wanted = revision.get("readyReplicas", 0), revision.get("replicas", 0)
    return Verdict(Tone.BUSY, f"The first revision {facts.older} starts: {ready} of {wanted} pods ready", _told(facts))


def _stable(facts: Facts) -> Verdict:
    ready, available = facts.condition("Ready"), facts.condition("Available")
    if available.get("status") == "False":
        return Verdict(
            Tone.BAD, f"Nobody serves: revision {facts.older} has no ready pod", str(available.get("message"))
        )
    if ready.get("status") != "True":
        why = f"{ready.get('reason')}: {ready.get('message')}"
        return Verdict(Tone.HELD, f"Revision {facts.older} is stable, but not all is as the spec wants it", why)
    return Verdict(Tone.GOOD, f"Stable: revision {facts.older} serves all traffic")


def _queued(facts: Facts) -> Verdict:
    headline = f"The next revision waits for other rollouts; revision {facts.older} serves all traffic"
    return Verdict(Tone.HELD, headline, _told(facts))


def _preparing(facts: Facts) -> Verdict:
    canary = facts.described(facts.newer)
    ready, wanted = canary.get("readyReplicas", 0), canary.get("replicas", 0)
    headline = f"Canary {facts.newer} starts: {ready} of {wanted} pods ready, no traffic yet"
    return _held(facts) or Verdict(Tone.BUSY, headline, _told(facts), _hints(facts, "abort"))


def _stepping(facts: Facts) -> Verdict:
    headline = f"Canary {facts.newer} has {facts.share} % of the traffic and is judged"
    if held := _held(facts):
        return held
    step = facts.steps[min(int(facts.rollout.get("step") or 0), len(facts.steps) - 1)]
    left = times.span(step.get("minDuration", MIN_DURATION)) - (facts.since("liveSince") or 0.0)
    waits = [m for m in facts.status.get("metrics") or [] if m.get("outcome") == "Inconclusive"]
    if facts.rollout.get("liveSince") is None:
        why = str(facts.condition("Progressing").get("message") or "")
    elif left > 0:
        why = f"The step lasts {times.short(left)} longer at least."
    else:
        why = ""
    told = f"{waits[0]['name']}: {waits[0]['message']}" if waits and not _told(facts) else _told(facts)
    return Verdict(Tone.BUSY, headline, f"{why} {told}".strip(), _hints(facts, "promote", "pause", "skip", "abort"))


def _promoting(facts: Facts) -> Verdict:
    headline = f"Canary {facts.newer} passed and takes over: {facts.share} % of the traffic"
    message = _told(facts) or str(facts.condition("Progressing").get("message") or "")
    return _held(facts) or Verdict(Tone.BUSY, headline, message, _hints(facts, "abort"))


def _watching(facts: Facts) -> Verdict:
    left = times.span(facts.setting("rollout", "watchAfterPromotion", WATCH)) - (facts.since("since") or 0.0)
    headline = f"Revision {facts.newer} is promoted and watched for {times.short(left)} more"
    if left <= 0:
        headline = f"Revision {facts.newer} is promoted; {facts.older} drains"
    return Verdict(Tone.GOOD, headline, _told(facts), _hints(facts, "abort"))


def _rolling_back(facts: Facts) -> Verdict:
    return Verdict(Tone.BAD, f"Canary {facts.newer} is taken back: {facts.status.get('reason')}", _told(facts))


def _rolled_back(facts: Facts) -> Verdict:
    failed = (facts.rollout.get("failed") or [{}])[-1]
    when = times.ago(times.moment(failed.get("time")), facts.now)
    who = failed.get("revision", "The canary")
    headline = f"{who} was taken back {when}: {facts.status.get('reason')}. Revision {facts.older} serves all traffic"
    return Verdict(Tone.BAD, " ".join(headline.split()), _told(facts), _hints(facts, "diff", "retry"))


def _unknown(facts: Facts) -> Verdict:
    return Verdict(
        Tone.HELD, f"The phase is {facts.phase}, which this version of the command line does not know", _told(facts)
    )


def _held(facts: Facts) -> Verdict | None:
    """What holds up a rollout: a person, blindness, or the end of its time."""
    where = f"Canary {facts.newer} stays at {facts.share} %"
    paused = facts.condition("Paused")
    if paused.get("status") == "True":
        by = {"PausedBySpec": "paused by the spec", "PausedByStep": "the step waits for `resume`"}
        told = by.get(str(paused.get("reason")), "paused by command")
        hints = () if paused.get("reason") == "PausedBySpec" else _hints(facts, "resume")
        return Verdict(
            Tone.HELD, f"{where}: {told}", _told(facts) or str(paused.get("message")), (*hints, *_hints(facts, "abort"))
        )
    if facts.status.get("reason") == "AnalysisBlind":
        return Verdict(
            Tone.HELD, f"{where}: the metrics cannot be read", _told(facts), _hints(facts, "promote", "abort")
        )
    if facts.status.get("reason") in {"NothingCounted", "MaxDurationExceeded"}:
        reason = {"NothingCounted": "no request was counted", "MaxDurationExceeded": "its time is over"}
        told = reason[str(facts.status["reason"])]
        return Verdict(Tone.HELD, f"{where}: {told}", _told(facts), _hints(facts, "promote", "abort"))
    return None


def _told(facts: Facts) -> str:
    return str(facts.status.get("message") or "")


_DOES = {
    "promote": "promote it now",
    "abort": "take it back",
    "pause": "go no further",
    "resume": "go on",
    "skip": "go on with the next step",
    "retry": "try it once more",
    "diff": "what it changed",
}


def _hints(facts: Facts, *verbs: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"serinus {verb} {facts.name}", _DOES[verb]) for verb in verbs)


_OF_PHASE: dict[str, Callable[[Facts], Verdict]] = {
    "Initializing": _initializing,
    "Stable": _stable,
    "Queued": _queued,
    "Preparing": _preparing,
    "Stepping": _stepping,
    "Promoting": _promoting,
    "Watching": _watching,
    "RollingBack": _rolling_back,
    "RolledBack": _rolled_back,
}
