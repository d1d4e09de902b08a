"""Run the bench, or a part of it, and write bench/results/judge.json and judge.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from .cells import Cell, cells
from .runner import Plan, run
from .store import ROOT, Store
from .table import markdown

RESULTS = ROOT / "bench" / "results" / "judge.json"


def main() -> None:
    """Parse the command line, run, and write the table."""
    parser = argparse.ArgumentParser(prog="make bench-judge", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="the JSON file; what it holds is not run again")
    parser.add_argument("--only", action="append", default=[], help="only cells whose name holds this text")
    parser.add_argument("--runs", type=int, help="at most so many runs of a cell")
    parser.add_argument("--most", action="store_true", help="go on to the larger number of runs of each cell")
    parser.add_argument("--fresh", action="store_true", help="forget what the file holds")
    parser.add_argument("--keep", action="store_true", help="go on with what another version of the judge has made")
    parser.add_argument("--quick", action="store_true", help="one cell of each kind, a few runs: does it work at all")
    parser.add_argument("--table", action="store_true", help="run nothing, write the table")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    everything = cells()
    wanted = [cell for cell in everything if not chosen.only or any(text in cell.name for text in chosen.only)]
    store = Store.open(chosen.out, fresh=chosen.fresh)
    if not chosen.table:
        plan = quick(wanted) if chosen.quick else Plan(wanted, chosen.runs, chosen.most, keep=chosen.keep)
        run(plan, store, everything, chosen.processes)
    chosen.out.with_suffix(".md").write_text(markdown(store, everything))
    print(f"{chosen.out.name} and {chosen.out.with_suffix('.md').name} written")


def quick(wanted: list[Cell]) -> Plan:
    """Four runs of the first cell of each kind in each group."""
    first: dict[tuple[str, str], Cell] = {}
    for cell in wanted:
        first.setdefault((cell.group, cell.kind), cell)
    return Plan(list(first.values()), cap=4, part=4)


if __name__ == "__main__":
    main()
