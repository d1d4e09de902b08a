"""The layers hold: what may import what, and what may read a clock."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "operator" / "serinus"
PURE = ("api", "analysis", "desired", "metrics", "rollout", "traffic")
MODULES = sorted(PACKAGE.rglob("*.py"))
CLOCKS = {
    "time",
    "monotonic",
    "perf_counter",
    "time_ns",
    "monotonic_ns",
    "now",
    "utcnow",
    "today",
    "gmtime",
    "localtime",
}


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_the_walk_sees_the_package() -> None:
    assert {"app.py", "rollout/machine.py", "reconcile/queue.py"} <= {name(path) for path in MODULES}


def test_the_import_contracts_hold(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "operator"))
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    told = capsys.readouterr().out
    assert status == EXIT_STATUS_SUCCESS, told
    assert "4 kept, 0 broken" in told


def test_the_operator_folder_is_not_a_package() -> None:
    """It would shadow the standard library's `operator`."""
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert sys.modules["operator"].__file__ != str(ROOT / "operator" / "__init__.py")


def test_kopf_is_the_shell_and_nothing_else() -> None:
    found = {name(path) for path in MODULES if any(module.split(".")[0] == "kopf" for module in imports(path))}
    assert found == {"app.py", "handlers.py"}


@pytest.mark.parametrize("layer", PURE)
def test_a_pure_layer_reads_no_clock_and_no_dice(layer: str) -> None:
    paths = list((PACKAGE / layer).rglob("*.py"))
    assert paths
    for path in paths:
        clocks = [call for call in calls(path) if "." in call and call.rsplit(".", 1)[1] in CLOCKS]
        assert clocks == [], name(path)
        assert not {"time", "random", "secrets", "uuid"} & set(imports(path)), name(path)


@pytest.mark.parametrize("layer", PURE)
def test_a_pure_layer_touches_no_file_network_or_environment(layer: str) -> None:
    forbidden = {"os", "pathlib", "socket", "subprocess", "asyncio", "aiohttp", "logging", "threading", "kubernetes"}
    for path in (PACKAGE / layer).rglob("*.py"):
        assert not forbidden & {module.split(".")[0] for module in imports(path)}, name(path)
        assert not {"open", "print", "input"} & set(calls(path)), name(path)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module begins with what it is for"
    assert len(text.splitlines()) <= 310
