"""The program `serinus`, also `kubectl serinus`: a group of commands, each imported only when it is used."""

from __future__ import annotations

import importlib

import click

from serinus import __version__

_COMMANDS = {
    "abort": ("serinus.cli.commands.order:abort", "Take the canary back."),
    "completion": ("serinus.cli.commands.completion:completion", "Print the completion script of a shell."),
    "diff": ("serinus.cli.commands.revisions:diff", "Show what differs between two revisions."),
    "history": ("serinus.cli.commands.revisions:history", "Show revisions: made of what, ended how and why."),
    "init": ("serinus.cli.commands.init:init", "Write a manifest: for a model, an image or a Deployment."),
    "lint": ("serinus.cli.commands.lint:lint", "Check manifests without a cluster."),
    "list": ("serinus.cli.commands.status:list_", "List models in order of their names."),
    "pause": ("serinus.cli.commands.order:pause", "Go no further."),
    "promote": ("serinus.cli.commands.order:promote", "Promote the canary now."),
    "resume": ("serinus.cli.commands.order:resume", "Go on after a pause."),
    "retry": ("serinus.cli.commands.order:retry", "Try a revision that was taken back once more."),
    "simulate": ("serinus.cli.simulate:command", "Replay a policy over recorded counters."),
    "skip": ("serinus.cli.commands.order:skip", "Go on with the next step."),
    "status": ("serinus.cli.commands.status:status", "Show how a model is and why; all models without NAME."),
}
"""By name: the command's place, and what `--help` says about it."""


class _Lazy(click.Group):
    """A group that imports a command when it is called or asked about."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command of a name, if there is one."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command)  # noqa: S101 - for the type checker
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Canaries of machine-learning models, judged by statistics that stay valid while you look."""


if __name__ == "__main__":
    main()
