"""Figures as they are printed and kept: JSON with everything, Markdown for people."""

import json
import os
import platform
import shlex
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
    ("machine idle % in the idle phase", "idle", "machine idle %"),
    ("machine idle % while failing", "while failing", "machine idle %"),
)


def said(phase: str, figures: Figures) -> Figures:
    """Print the figures of a phase and return them."""
    print(f"{phase}: {json.dumps(figures)}", flush=True)
    return figures


def command(target: str) -> str:
    """Return how this run was started."""
    given = shlex.join(sys.argv[1:])
    return f"make {target} OPTIONS={shlex.quote(given)}" if given else f"make {target}"


def scale(folder: Path, command: str, found: Mapping[str, Figures]) -> None:
    """Keep the figures of `make bench-scale`, by the number of models."""
    _keep(folder / "scale.json", {"command": command, **_machine(), "models": found})
    (folder / "scale.md").write_text(_page("Scale", command, found))


def peers(folder: Path, command: str, found: Mapping[str, Mapping[str, Figures]]) -> None:
    """Keep the figures of `make bench-peers`, by the number of models and the operator."""
    _keep(folder / "peers.json", {"command": command, **_machine(), "models": found})
    columns = {f"{name}, {count}": figures for count, both in found.items() for name, figures in both.items()}
    (folder / "peers.md").write_text(_page("Peers", command, columns))


def _page(title: str, command: str, columns: Mapping[str, Figures]) -> str:
    head = f"# {title}\n\n`{command}`. {_machine()['machine']}. Written by the run, from the JSON beside it.\n\n"
    lines = [["", *columns], ["---", *["---:"] * len(columns)]]
    lines += [[label, *cells] for label, *place in _ROWS if any(cells := [_cell(f, *place) for f in columns.values()])]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(figures: Figures, phase: str, name: str) -> str:
    flat = {**figures, **{key: part for key, part in figures.get("storm", {}).items() if isinstance(part, dict)}}
    value = flat.get(phase, {}).get(name)
    return "" if value is None else str(value)


def _machine() -> Figures:
    return {"machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"}


def _keep(file: Path, figures: Figures) -> None:
    file.write_text(json.dumps(figures, indent=2) + "\n")
