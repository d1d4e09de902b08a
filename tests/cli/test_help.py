"""The program as a whole: help, docs, completion, and what it imports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from serinus.cli import plugin, simulate
from serinus.cli.main import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cli.md").read_text()
COMMANDS = main.list_commands(click.Context(main))
HEAVY = {"aiohttp", "kopf", "kubernetes", "matplotlib", "numpy", "orjson", "prometheus_client", "pydantic_settings"}


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def options(name: str) -> set[str]:
    return {
        option
        for one in command(name).params
        if isinstance(one, click.Option)
        for option in one.opts
        if option[:2] == "--"
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_it(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: main {name}" in result.output


def test_the_page_has_every_command_and_every_option_and_no_other() -> None:
    known = {"--help", "--version"} | {option for name in COMMANDS if name != "simulate" for option in options(name)}
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) == known
    assert {name for name in COMMANDS if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_SERINUS_COMPLETE={shell}_complete" in result.output


def test_kubectl_gets_words_as_it_expects_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-serinus", "lint", "--run"])
    plugin.complete()
    assert capsys.readouterr().out == "--runtimes\tLaid over the catalogue of runtimes, as by the chart.\n:4\n"


def loaded(*arguments: str) -> set[str]:
    """Return the top-level modules that a run imports."""
    code = (
        "import sys; from serinus.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    environ = {"PYTHONPATH": ":".join(sys.path), "HOME": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environ, check=True
    )
    return set(done.stderr.split())


def test_a_list_imports_neither_rich_nor_pydantic() -> None:
    found = loaded("list")
    assert "yaml" in found
    assert not found & (HEAVY | {"rich", "pydantic"})


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "simulate"])
def test_no_command_but_simulate_needs_what_the_operator_needs(name: str) -> None:
    arguments = {"completion": ["bash"], "lint": ["."], "init": ["--image", "a:1", "--port", "1"], "list": []}
    assert not loaded(name, *arguments.get(name, ["x"])) & HEAVY


def test_simulate_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "find_spec", lambda name: None if name == "numpy" else object())
    result = CliRunner().invoke(main, ["simulate", "-"])
    assert result.exit_code == 2
    assert "needs numpy: pip install 'serinus[simulate]'" in result.output
