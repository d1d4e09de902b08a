"""The pages: the reference is the one that the models generate, links lead somewhere, and examples are what comes out."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from serinus.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for folder in (
        ROOT,
        *(ROOT / name for name in ("bench", "charts", "crds", "docs", "e2e", "examples", "operator", "runtimes")),
    )
    for page in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_api", ROOT / "docs" / "generate_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_api_reference_is_fresh() -> None:
    found = generator()
    assert found.TARGET.read_text() == found.render(), "run `make crds`"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text())


def links(path: Path) -> list[str]:
    """Return where a page leads; what stands in code only looks like it."""
    return LINK.findall(re.sub(r"`[^`\n]*`", "", prose(path)))


def anchors(path: Path) -> set[str]:
    """Return what links may name in a page: its headings as GitHub writes them."""
    found = set()
    for heading in re.findall(r"(?m)^#+ (.+)$", prose(path)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        where, _, anchor = link.partition("#")
        target = (page.parent / where).resolve() if where else page
        assert target.exists(), f"{link}: there is no {where}"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_the_readme_leads_to_every_page() -> None:
    readme = ROOT / "README.md"
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(readme)}
    assert [named(page) for page in PAGES if page.parent.name in {"docs", "guides"} and page not in linked] == []


RECORDINGS = sorted((ROOT / "docs" / "recordings").glob("*.jsonl"))


def row(tick: dict[str, Any]) -> str:
    """Return a look of the judge as the page shows it."""
    found = tick["metrics"]["error-rate"]
    sides = [f"{found[side]['errors']:,.0f} of {found[side]['requests']:,.0f}" for side in ("canary", "stable")]
    return f"| {tick['seconds']:.0f} s | {' | '.join(sides)} | {found['evidence']:.3g} | {found['proof']:.3g} |"


@pytest.mark.parametrize("recording", RECORDINGS, ids=named)
def test_the_worked_examples_are_what_the_judge_says(recording: Path) -> None:
    page = (ROOT / "docs" / "judge-in-words.md").read_text()
    (shown,) = re.findall(rf"(?s)serinus simulate {named(recording)}\n.*?(?=\n#)", page)
    *ticks, summary = map(json.loads, CliRunner().invoke(main, ["simulate", str(recording)]).stdout.splitlines())
    assert summary["message"] in shown
    rows = re.findall(r"(?m)^\| \d+ s .*$", shown)
    assert len(rows) > 3
    assert set(rows) <= set(map(row, ticks))
