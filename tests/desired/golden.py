"""Golden manifests: what a builder makes, as YAML beside the tests.

`SERINUS_UPDATE_GOLDEN=1 python -m pytest tests/desired` writes them anew. Read the diff
before you commit it: a changed pod template is a new revision for nobody, because
templates are kept on record, but a changed Deployment or Service is applied everywhere.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "golden"


def check(name: str, manifest: Any) -> None:
    """Compare a manifest with its golden file, or write the file when asked to."""
    text = yaml.safe_dump(manifest, sort_keys=True, width=120)
    path = FOLDER / f"{name}.yaml"
    if os.environ.get("SERINUS_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing: run with SERINUS_UPDATE_GOLDEN=1 and commit it"
    assert text == path.read_text()


def names() -> set[str]:
    """Return the golden files that are there."""
    return {path.stem for path in FOLDER.glob("*.yaml")}
