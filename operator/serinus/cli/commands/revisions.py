"""`serinus history` and `serinus diff`."""

from __future__ import annotations

from typing import Any

import click

from serinus.cli import options
from serinus.cli.trouble import Exit, Trouble

_CODES = "Exit code: 0; 4 no such model or revision; 5 the cluster cannot be asked."


@click.command(epilog=_CODES)
@click.argument("name", shell_complete=options.complete_name)
@options.cluster()
@options.output
def history(**given: Any) -> None:
    """Show the revisions of a model: what each was made of, how it ended and why."""
    from serinus.cli import terminal
    from serinus.cli.commands.looking import brief
    from serinus.cli.views.history import entries, table, told

    found, name = options.models(given), given["name"]
    seen = brief(found, name)
    revisions = entries(seen, found.records(name))
    if given["output"]:
        options.show(told(revisions), given["output"])
    elif not revisions:
        click.echo(f"{name} has no revisions yet: `serinus status {name}` says why")
    else:
        terminal.console().print(table(revisions, seen.now))


@click.command(epilog=_CODES)
@click.argument("name", shell_complete=options.complete_name)
@click.argument("revisions", nargs=-1)
@click.option("--pods", is_flag=True, help="Also what differs in the pods that the operator made of them.")
@options.cluster()
@options.output
def diff(**given: Any) -> None:
    """Show what differs between two revisions.

    REVISIONS are up to two of stable, canary, previous, a number or the beginning of a name of `serinus history`; with one
    it is compared with stable. Without any it is the canary, what was taken back, or stable with the one before it.
    """
    from serinus.cli import terminal
    from serinus.cli.commands.looking import brief
    from serinus.cli.views import diff as view

    if len(given["revisions"]) > 2:
        raise Trouble("Two revisions are compared, not more: leave one out", Exit.USAGE)
    found, name = options.models(given), given["name"]
    seen = brief(found, name)
    failed = (seen.rollout.get("failed") or [{}])[-1].get("revision", "")
    before, after = view.pair(given["revisions"], seen, found.records(name), failed)
    changed = view.changes(before, after, pods=given["pods"])
    names = [record["metadata"]["labels"]["serinus.dev/revision"] for record in (before, after)]
    if given["output"]:
        told = [{"field": one.field, "before": one.before, "after": one.after} for one in changed]
        options.show({"before": names[0], "after": names[1], "changes": told}, given["output"])
        return
    click.echo(
        f"{names[0]} -> {names[1]}: {len(changed)} field{'' if len(changed) == 1 else 's'} differ{'s' if len(changed) == 1 else ''}"
    )
    terminal.console().print(view.text(changed), soft_wrap=True)
