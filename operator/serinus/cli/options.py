"""Options that many commands share, and what becomes of them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from serinus.cli.kube.client import Client
from serinus.cli.kube.config import find
from serinus.cli.kube.models import Models
from serinus.cli.trouble import Exit, Trouble

Command = TypeVar("Command", bound=Callable[..., Any])


def now() -> float:
    """Return the time of now in Unix seconds; all below gets it as an argument."""
    return time.time()  # noqa: TID251 - here the clock enters


def cluster(*, everywhere: bool = False) -> Callable[[Command], Command]:
    """Add the options that say which cluster and namespace is meant; `everywhere` adds -A."""

    def add(command: Command) -> Command:
        if everywhere:
            command = click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")(command)
        command = click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; $KUBECONFIG or ~/.kube/config.")(
            command
        )
        command = click.option("--context", metavar="NAME", help="The context in it; the current one when absent.")(
            command
        )
        return click.option("-n", "--namespace", metavar="NS", help="The namespace; the context's when absent.")(
            command
        )

    return add


def output(command: Command) -> Command:
    """Add the option that says how to print."""
    return click.option(
        "-o", "--output", type=click.Choice(["json", "yaml"]), help="Print this in place of text for people."
    )(command)


def models(given: dict[str, Any]) -> Models:
    """Return the models that the options are about.

    Raises:
        Trouble: there is no way to the cluster.
    """
    if given.get("all_namespaces") and given.get("namespace"):
        raise Trouble("--namespace and --all-namespaces exclude each other: leave one out", Exit.USAGE)
    access = find(given.get("kubeconfig"), given.get("context"))
    namespace = "" if given.get("all_namespaces") else given.get("namespace") or access.namespace
    return Models(Client.of(access), namespace)


def complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the names of models for the shell's completion; none where they cannot be asked for."""
    try:
        return [name for name in models(ctx.params).names() if name.startswith(incomplete)]
    except Trouble:
        return []


def show(value: Any, form: str) -> None:
    """Print a value as JSON or YAML."""
    if form == "json":
        click.echo(json.dumps(value, indent=2))
    else:
        import yaml

        click.echo(yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False), nl=False)


def coloured() -> bool:
    """Tell whether to print colours: into a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """Return a text in a colour where there are colours."""
    return click.style(text, fg=colour) if coloured() else text


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:  # noqa: ARG001 - click's signature
    from serinus.api import spans

    try:
        found = spans.parse(value)
    except ValueError as error:
        raise Trouble(f"--timeout: {error}", Exit.USAGE) from None
    assert isinstance(found, float)  # noqa: S101 - a text gives a number
    return found


def timeout(command: Command) -> Command:
    """Add the longest time of --wait, in seconds."""
    return click.option(
        "--timeout",
        default="1h",
        show_default=True,
        metavar="DURATION",
        callback=_seconds,
        help="The longest time of --wait.",
    )(command)
