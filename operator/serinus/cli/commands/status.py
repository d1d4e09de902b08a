"""`serinus status` and `serinus list`."""

from __future__ import annotations

from typing import Any

import click

from serinus.cli import options
from serinus.cli.kube.models import Models
from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views import fleet

_CODES = (
    "Exit code: 0; with --wait 0 rolled out, 1 taken back or refused, 3 the time was over; "
    "4 no such model, 5 the cluster cannot be asked."
)


@click.command(epilog=_CODES)
@click.argument("name", required=False, shell_complete=options.complete_name)
@options.cluster(everywhere=True)
@options.output
@click.option("-w", "--watch", is_flag=True, help="Keep looking, until Ctrl-C.")
@click.option("--wait", is_flag=True, help="Wait until the rollout has ended, for pipelines.")
@options.timeout
def status(**given: Any) -> None:
    """Show how a model is and why; all models, those in need first, without NAME."""
    name = given["name"]
    if given["wait"] and (not name or given["watch"]):
        raise Trouble("--wait is about one model and ends by itself: give a NAME, and leave --watch out", Exit.USAGE)
    if given["watch"] and given["output"]:
        raise Trouble("--watch is a view for people: leave --output out", Exit.USAGE)
    if name and given["all_namespaces"]:
        raise Trouble(f"A model is in one namespace: give --namespace in place of -A, or leave {name} out", Exit.USAGE)
    found = options.models(given)
    if not name:
        _fleet(found, given, urgent=True)
        return
    code = Exit.DONE
    if given["wait"]:
        from serinus.cli.commands.looking import waited

        code = waited(found, name, given["timeout"])
    if given["watch"]:
        _watch(found, name)
    elif given["output"]:
        options.show(found.get(name), given["output"])
    elif not given["wait"]:
        _one(found, name)
    click.get_current_context().exit(code)


@click.command(name="list")
@options.cluster(everywhere=True)
@options.output
def list_(**given: Any) -> None:
    """List models in order of their names."""
    _fleet(options.models(given), {**given, "watch": False}, urgent=False)


def _fleet(found: Models, given: dict[str, Any], *, urgent: bool) -> None:
    if given["output"]:
        options.show({"apiVersion": "v1", "kind": "List", "items": found.all()}, given["output"])
    elif given["watch"]:
        from rich.text import Text

        from serinus.cli import terminal

        if not terminal.console().is_terminal:
            raise Trouble("--watch shows all models in a terminal only: give a NAME, or leave --watch out", Exit.USAGE)
        terminal.live(lambda: Text.from_ansi("\n".join(_lines(found, urgent=urgent))), Text)
    else:
        click.echo("\n".join(_lines(found, urgent=urgent)))


def _lines(found: Models, *, urgent: bool) -> list[str]:
    rows = fleet.rows(found.table())
    if not rows:
        return [fleet.none(found.namespace)]
    listed = fleet.listed(fleet.urgent(rows) if urgent else rows, spaces=not found.namespace, paint=options.paint)
    return [fleet.summary(rows, options.paint), "", *listed] if urgent else listed


def _one(found: Models, name: str) -> None:
    from serinus.cli import terminal
    from serinus.cli.commands.looking import facts
    from serinus.cli.views.rollout import view

    terminal.console().print(view(facts(found, name)))


def _watch(found: Models, name: str) -> None:
    from rich.text import Text

    from serinus.cli import terminal
    from serinus.cli.commands.looking import facts, lines
    from serinus.cli.views.rollout import view

    if terminal.console().is_terminal:
        terminal.live(lambda: view(facts(found, name)), lambda text: Text(text, style="yellow"))
    else:
        lines(found, name, lambda _: False, None)
