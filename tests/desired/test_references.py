"""What the operator makes names objects of the model's namespace only, the Gateway excepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.yaml"))


def references(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give the place and the value of every field called namespace."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        here = f"{path}.{key}" if isinstance(value, dict) else f"{path}[]"
        if key == "namespace" and isinstance(inner, str):
            yield path, inner
        elif isinstance(inner, dict | list):
            yield from references(inner, here)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_nothing_of_another_namespace_is_named(file: Path) -> None:
    for made in yaml.safe_load_all(file.read_text()):
        found = {path.removeprefix("[]") for path, _ in references(made)}
        assert found <= {".metadata", ".spec.parentRefs[]"}


def test_the_walk_finds_a_reference() -> None:
    route = {"spec": {"rules": [{"backendRefs": [{"name": "a", "namespace": "other"}]}]}}
    assert list(references(route)) == [(".spec.rules[].backendRefs[]", "other")]
