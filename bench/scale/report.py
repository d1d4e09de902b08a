"""Figures as they are printed and kept: JSON with everything, Markdown for people."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .subject import Figures

RESULTS = Path(__file__).parents[1] / "results"
_ROWS = (
    ("converged, plain objects by hand, s", "by hand", "converged after s"),
    ("converged, s", "converge", "converged after s"),
    ("API requests/s while converging", "converge", "API requests/s"),
    ("queue age while converging, max s", "converge", "queue age max s"),
    ("idle, CPU % of a core", "idle", "CPU % of a core"),
    ("idle, resident MiB", "idle", "resident MiB"),
    ("idle, API requests/s", "idle", "API requests/s"),
    ("idle, queue age, max s", "idle", "queue age max s"),
    ("rollouts at once", "storm", "rollouts"),
    ("all canaries have traffic after s", "storm", "all have traffic after s"),
    ("rollouts in progress, CPU % of a core", "while healthy", "CPU % of a core"),
    ("rollouts in progress, resident MiB", "while healthy", "resident MiB"),
    ("rollouts in progress, API requests/s", "while healthy", "API requests/s"),
    ("rollouts in progress, queries/s", "while healthy", "queries/s"),
    ("bad metrics to weight 0, p50 s", "storm", "weight 0 after s, p50"),
    ("bad metrics to weight 0, p95 s", "storm", "weight 0 after s, p95"),
    ("bad metrics to weight 0, max s", "storm", "weight 0 after s, max"),
    ("failing, CPU % of a core", "while failing", "CPU % of a core"),
    ("failing, queries/s", "while failing", "queries/s"),
    ("churn, minutes", "churn", "minutes"),
    ("churn, changes", "churn", "changes"),
    ("churn, resident MiB at the start", "churn", "resident MiB at the start"),
    ("churn, resident MiB half way", "churn", "resident MiB half way"),
    ("churn, resident MiB at the end", "churn", "resident MiB at the end"),
    ("load average of the machine, converging", "converge", "load average"),
    ("load average of the machine, idle", "idle", "load average"),
    ("load average of the machine, failing", "while failing", "load average"),
)


def said(phase: str, figures: Figures) -> Figures:
    """Print the figures of a phase and return them."""
    print(f"{phase}: {json.dumps(figures)}", flush=True)
    return figures


def command(target: str) -> str:
    """Return how this run was started."""
    given = shlex.join(sys.argv[1:])
    return f"make {target} OPTIONS={shlex.quote(given)}" if given else f"make {target}"


def keep(folder: Path, name: str, target: str, column: str, figures: Figures) -> None:
    """Keep the figures of one column, in JSON and as a table; those of earlier runs stay beside them."""
    file = folder / f"{name}.json"
    columns: dict[str, Figures] = json.loads(file.read_text()) if file.exists() else {}
    columns[column] = {"command": command(target), "tree": _tree(), "machine": _machine(), **figures}
    file.write_text(json.dumps(columns, indent=2) + "\n")
    (folder / f"{name}.md").write_text(page(name, columns))


def page(name: str, columns: Mapping[str, Figures]) -> str:
    """Return the table of some columns; a row without any figure is left out."""
    head = f"# {name.capitalize()}\n\nWritten by the run, from the JSON beside it, which holds the commands.\n\n"
    lines = [["", *columns], ["---", *["---:"] * len(columns)]]
    lines += [[label, *cells] for label, *place in _ROWS if any(cells := [_cell(f, *place) for f in columns.values()])]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(figures: Figures, phase: str, name: str) -> str:
    flat = {**figures, **{key: part for key, part in figures.get("storm", {}).items() if isinstance(part, dict)}}
    value = flat.get(phase, {}).get(name)
    return "" if value is None else str(value)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _tree() -> str:
    """Return the commit that was measured."""
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
