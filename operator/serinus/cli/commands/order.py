"""`serinus promote`, `abort`, `retry`, `pause`, `resume` and `skip`: the operator's commands by annotation."""

from __future__ import annotations

import secrets
import time
from typing import Any

import click

from serinus.cli import options
from serinus.cli.kube.models import Models
from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views.aim import aim
from serinus.cli.views.ending import Ending
from serinus.cli.views.facts import Facts, Manifest
from serinus.desired import labels

PATIENCE = 15.0
"""Seconds in which a running operator obeys."""
EVERY = 0.25

_CODES = (
    "Exit code: 0 the operator has obeyed; 3 it did not answer; 4 no such model, or nothing to do; 5 the cluster cannot "
    "be asked. With --wait: 0 it ended as wanted, 1 otherwise, 3 the time was over."
)
_DONE = {
    "promote": "Canary {revision} of {name} is promoted: what is unknown holds it no more, what is known to be bad still does",
    "abort": "Revision {revision} of {name} is taken back",
    "retry": "Revision {revision} of {name} is tried once more",
    "pause": "Canary {revision} of {name} stays where it is: `serinus resume {name}` goes on",
    "resume": "Canary {revision} of {name} goes on",
    "skip-step": "Canary {revision} of {name} goes on with what follows its step",
}


def _ordered(verb: str, **given: Any) -> None:
    """Send a command and see that it is obeyed."""
    found, name = options.models(given), given["name"]
    from serinus.cli.commands.looking import brief, waited

    before = brief(found, name)
    wanted = aim(verb, before, _asked_for(found, before) if verb == "retry" else "")
    if wanted.done:
        click.echo(wanted.done)
    else:
        text = f"{verb}/{wanted.revision}/{secrets.token_hex(4)}"
        found.annotate(name, {labels.COMMAND: text})
        _obeyed(found, name, text)
        click.echo(_DONE[verb].format(revision=wanted.revision, name=name))
    if given["wait"]:
        ending = Ending.TAKEN_BACK if verb == "abort" else Ending.PROMOTED
        click.get_current_context().exit(waited(found, name, given["timeout"], ending))


def _obeyed(found: Models, name: str, text: str) -> None:
    """Wait until the operator has read a command.

    Raises:
        Trouble: it did not, or it says that the command does not fit.
    """
    from serinus.cli.commands.looking import brief

    deadline = time.monotonic() + PATIENCE
    while brief(found, name).rollout.get("lastCommand") != text:
        if time.monotonic() > deadline:
            raise Trouble(
                f"The command is sent, but the operator has not answered for {PATIENCE:g} s: does it run? "
                "kubectl get pods -A -l app.kubernetes.io/name=serinus. It obeys when it is back",
                Exit.TIMEOUT,
            )
        time.sleep(EVERY)
    verb, revision, _ = text.split("/")
    for event in _events(found, name):
        if event.get("reason") == "CommandIgnored" and f"{verb} of revision {revision} " in event["message"]:
            raise Trouble(f"The operator ignored it: {event['message']}", Exit.UNFIT)


def _events(found: Models, name: str) -> list[Manifest]:
    """Return the Events of the last moments; none where one may not read them."""
    from serinus.cli.views import times

    try:
        events = found.events(name)
    except Trouble:
        return []
    since = options.now() - PATIENCE
    return [event for event in events if (times.moment(event.get("lastTimestamp")) or 0.0) > since]


def _asked_for(found: Models, facts: Facts) -> str:
    """Return the failed revision that the spec asks for; empty where that cannot be told."""
    failed = {one["revision"] for one in facts.rollout.get("failed") or []}
    try:
        records = found.records(facts.name)
    except Trouble:
        return ""
    for record in records:
        revision, data = record["metadata"]["labels"].get(labels.REVISION, ""), record.get("data") or {}
        same = all((data.get(key) or {}) == (facts.spec.get(key) or {}) for key in ("runtime", "model"))
        if same and revision in failed:
            return str(revision)
    return ""


def _command(name: str, verb: str, text: str) -> click.Command:
    @click.command(name=name, help=text, epilog=_CODES)
    @click.argument("name", shell_complete=options.complete_name)
    @options.cluster()
    @click.option("--wait", is_flag=True, help="Wait until the rollout has ended, for pipelines.")
    @options.timeout
    def command(**given: Any) -> None:
        _ordered(verb, **given)

    return command


promote = _command(
    "promote", "promote", "Promote the canary now. What is unknown does not hold it; what is known to be bad does."
)
abort = _command("abort", "abort", "Take the canary back, or a promoted revision while it is watched.")
retry = _command("retry", "retry", "Try a revision that was taken back once more.")
pause = _command("pause", "pause", "Go no further. Taking back stays possible.")
resume = _command("resume", "resume", "Go on after a pause by command, or approve a step that ends with one.")
skip = _command("skip", "skip-step", "Go on with the next step, or with promotion after the last one.")
