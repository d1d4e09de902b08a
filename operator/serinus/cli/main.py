"""The program `serinus`: a group of commands, each loaded only when it is used."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {"simulate": ("serinus.cli.simulate", "Replay a policy over recorded counters.")}
"""By name: the module whose `command` it is, and what `--help` says about it."""


class _Lazy(click.Group):
    """A group that imports a command when it is called or asked about."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command of a name, if there is one."""
        if cmd_name not in _COMMANDS:
            return None
        found = importlib.import_module(_COMMANDS[cmd_name][0]).command
        assert isinstance(found, click.Command)  # noqa: S101 - for the type checker
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="serinus")
def main() -> None:
    """Canaries of machine-learning models, judged by statistics that stay valid while you look."""
