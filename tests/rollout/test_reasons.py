"""Every reason that the machine gives stands in the table that explains them, under one kind."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROLLOUT = ROOT / "operator" / "serinus" / "rollout"
TABLE = (ROOT / "docs" / "concepts.md").read_text().split("## Reasons")[1].split("\n## ")[0]


def given() -> set[str]:
    found = {"InconclusiveTooLong", "BlindTooLong", "StepEndedByPolicy", "StepPassed"}  # put together at run time
    for path in ROLLOUT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and ast.unparse(node.func) == "Event" and node.args
            if named and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def test_every_reason_is_explained_once() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")]
    told = re.findall(r"`([A-Z]\w+)`", "\n".join(rows))
    assert len(given()) > 25
    assert given() - set(told) == set()
    assert len(told) == len(set(told))
