"""The same program as a plugin of kubectl: `kubectl serinus`, and what completes its words."""

from __future__ import annotations

import sys

import click

from serinus.cli.main import main as program

_NO_FILES = 4
"""What kubectl is told after the words: names of files are none of them."""


def main() -> None:
    """Run the program under kubectl's name."""
    program(prog_name="kubectl serinus")


def complete() -> None:
    """Print the words that may come next, as kubectl asks its plugins for them: `kubectl_complete-serinus WORD...`."""
    from click.shell_completion import ShellComplete

    words = sys.argv[1:] or [""]
    shell = ShellComplete(program, {}, "serinus", "_SERINUS_COMPLETE")
    for item in shell.get_completions(words[:-1], words[-1]):
        click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    click.echo(f":{_NO_FILES}")
