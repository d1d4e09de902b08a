"""The pages: the reference is the one that the models generate, and links lead somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

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
