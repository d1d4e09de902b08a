"""`serinus completion`."""

from __future__ import annotations

import click

_HELP = """Print the script that completes commands, options and names of models in a shell.

bash: eval "$(serinus completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: serinus completion fish >
~/.config/fish/completions/serinus.fish. For `kubectl serinus` nothing is needed: kubectl asks kubectl_complete-serinus.
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - one of the three
    click.echo(found(click.get_current_context().find_root().command, {}, "serinus", "_SERINUS_COMPLETE").source())
