"""The figures on disk: what was run of each cell, so that a bench can be stopped and go on."""

from __future__ import annotations

import ast
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from .cells import Cell
from .work import SEED

ROOT = Path(__file__).parents[2]
ANALYSIS = ROOT / "operator" / "serinus" / "analysis"
JUDGING = {
    "means": ["strata"],
    "stream": ["evalue", "mixture", "past", "policy"],
    "scene": [
        *("evalue", "mixture", "past", "policy", "blocks", "fold", "increments", "judgement"),
        *("reader", "trial", "weights"),
    ],
}
COMMAND = "make bench-judge"


@cache
def code(kind: str) -> str:
    """A digest of the code that judges such cells, without comments: figures of another one are not comparable."""
    digest = sha256()
    for name in JUDGING["scene" if "scene" in kind else "means" if kind == "means" else "stream"]:
        tree = ast.parse((ANALYSIS / f"{name}.py").read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and _text(body[0]):
                body[0] = ast.Pass()
        digest.update(ast.unparse(tree).encode())
    return digest.hexdigest()[:12]


def _text(node: ast.Expr) -> bool:
    return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass
class Result:
    """What is known of one cell.

    Attributes:
        parts: how many parts have been run, each with its own seed.
        counts: how many runs had which outcome, by rule.
        seconds: of processor time that it took.
        code: digest of the code that judged; several, if some parts were kept from another one.
    """

    parts: list[int] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0
    code: str = ""

    def add(self, part: int, found: dict[str, dict[str, int]], seconds: float, digest: str) -> None:
        """Add one part, which the code with this digest has judged."""
        self.code = self.code if digest in self.code else f"{self.code} {digest}"
        self.parts.append(part)
        self.parts.sort()
        self.seconds = round(self.seconds + seconds, 2)
        for rule, counted in found.items():
            mine = self.counts.setdefault(rule, {})
            for key, number in counted.items():
                mine[key] = mine.get(key, 0) + number


@dataclass
class Store:
    """All results, in one file with a line for each cell."""

    path: Path
    results: dict[str, Result] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, *, fresh: bool = False) -> Store:
        """Read what an earlier bench left."""
        if fresh or not path.exists():
            return cls(path)
        held = json.loads(path.read_text())["cells"]
        fields = ("parts", "counts", "seconds", "code")
        results = {name: Result(**{key: entry[key] for key in fields}) for name, entry in held.items()}
        return cls(path, results)

    def of(self, cell: Cell, digest: str, *, keep: bool = False) -> Result:
        """The result of a cell, an empty one if there is none of this code; `keep` takes any code's."""
        found = self.results.get(cell.name)
        if found is None or (found.code != digest and not keep):
            found = self.results[cell.name] = Result(code=digest)
        return found

    def save(self, all_cells: list[Cell]) -> None:
        """Write the file anew."""
        known = [cell for cell in all_cells if cell.name in self.results and self.results[cell.name].parts]
        lines = [f"  {json.dumps(cell.name)}: {json.dumps(_entry(cell, self.results[cell.name]))}" for cell in known]
        head = {
            "command": COMMAND,
            "seed": SEED,
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "code": sorted({digest for cell in known for digest in self.results[cell.name].code.split()}),
        }
        text = json.dumps(head)[:-1] + ',\n "cells": {\n' + ",\n".join(lines) + "\n }}\n"
        spare = self.path.with_suffix(".tmp")
        spare.write_text(text)
        spare.replace(self.path)


def _entry(cell: Cell, result: Result) -> dict[str, Any]:
    subject = {type(cell.subject).__name__: asdict(cell.subject)}
    counts = {
        rule: dict(sorted(each.items(), key=lambda item: _order(item[0]))) for rule, each in result.counts.items()
    }
    return {
        "kind": cell.kind,
        "subject": subject,
        "rules": [each.name for each in cell.rules],
        "allowed": cell.nulls,
        **asdict(result),
        "counts": counts,
    }


def _order(key: str) -> float:
    return float("inf") if key == "never" else float(key)
