"""Looks at one model, once or until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from serinus.cli.kube.models import Models, together
from serinus.cli.options import now
from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views.ending import Ending, ending
from serinus.cli.views.facts import Facts
from serinus.cli.views.verdict import verdict

EVERY = 1.0
"""Seconds between two looks."""


def facts(models: Models, name: str) -> Facts:
    """Return a model with its pods and Events; what one may not read is a note.

    Raises:
        Trouble: the model itself could not be read.
    """
    model, pods, events = together(lambda: models.get(name), lambda: models.pods(name), lambda: models.events(name))
    if isinstance(model, Trouble):
        raise model
    notes = [
        f"{what}: {seen.message}" for what, seen in (("Pods", pods), ("Events", events)) if isinstance(seen, Trouble)
    ]
    kept = [[] if isinstance(seen, Trouble) else seen for seen in (pods, events)]
    return Facts(model, kept[0], kept[1], tuple(notes), now())


def brief(models: Models, name: str) -> Facts:
    """Return a model without its pods and Events.

    Raises:
        Trouble: it could not be read.
    """
    return Facts(models.get(name), (), (), (), now())


def lines(models: Models, name: str, until: Callable[[Facts], object], limit: float | None) -> Facts:
    """Print the verdict whenever it changes, until something is so; return what was seen then.

    Args:
        models: where to look.
        name: of the model.
        until: what to wait for.
        limit: the longest time to wait, in seconds; None for ever.

    Raises:
        Trouble: the time is over, or the model is gone.
    """
    began, told = time.monotonic(), ""
    while True:
        try:
            seen = brief(models, name)
        except Trouble as trouble:
            if trouble.exit_code == Exit.UNFIT or not told:
                raise
            line = trouble.message
        else:
            line = verdict(seen).headline
            if until(seen):
                click.echo(line, err=True)
                return seen
        if line != told:
            click.echo(line, err=True)
            told = line
        if limit is not None and time.monotonic() - began > limit:
            raise Trouble(
                f"{name} did not come to its end within --timeout: {line}. It goes on by itself; "
                f"look with `serinus status {name}`",
                Exit.TIMEOUT,
            )
        time.sleep(EVERY)


def waited(models: Models, name: str, limit: float | None, wanted: Ending = Ending.PROMOTED) -> Exit:
    """Wait for the end of a rollout and return the exit code that tells it.

    Raises:
        Trouble: the time is over, or the model is gone.
    """
    seen = lines(models, name, ending, limit)
    if ending(seen) is wanted:
        return Exit.DONE
    click.echo(str(seen.status.get("message") or ""), err=True)
    return Exit.FAILED
