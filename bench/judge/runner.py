"""Spreading cells over processes, the most important ones first, and keeping what they find."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from . import work
from .cells import Cell
from .store import Store, code

Task: TypeAlias = tuple[Cell, int, int]
_SAVE_EVERY = 20.0


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        cells: in order.
        cap: no cell has more runs than that.
        most: cells go on to the larger number of runs.
        part: runs of one part, instead of the usual number.
        keep: go on with figures that another version of the judging code has made.
    """

    cells: list[Cell]
    cap: int | None = None
    most: bool = False
    part: int | None = None
    keep: bool = False

    def tasks(self, store: Store, digests: dict[str, str]) -> Iterator[Task]:
        """The parts that are still missing: cell, number of the part, runs in it."""
        for cell in self.cells:
            size = self.part or work.AT_ONCE[cell.kind]
            wanted = cell.most if self.most else cell.runs
            wanted = min(wanted, self.cap) if self.cap else wanted
            done = set(store.of(cell, digests[cell.name], keep=self.keep).parts)
            yield from ((cell, part, size) for part in range(-(-wanted // size)) if part not in done)


def run(plan: Plan, store: Store, all_cells: list[Cell], processes: int) -> None:
    """Run what is missing; saved every now and then, and at the end."""
    digests = {cell.name: code(cell.kind) for cell in plan.cells}
    tasks, began, saved = list(plan.tasks(store, digests)), time.monotonic(), time.monotonic()
    context = multiprocessing.get_context("fork")
    with context.Pool(processes) as pool:
        for number, (name, part, found, seconds) in enumerate(pool.imap_unordered(_task, tasks), 1):
            store.results[name].add(part, found, seconds, digests[name])
            if time.monotonic() - saved > _SAVE_EVERY or number == len(tasks):
                store.save(all_cells)
                saved = time.monotonic()
                print(f"{saved - began:6.0f} s  {number} of {len(tasks)} parts, {name}", flush=True)


def _task(task: Task) -> tuple[str, int, dict[str, dict[str, int]], float]:
    cell, part, runs = task
    began = time.process_time()
    found = work.run(cell, part, runs)
    return cell.name, part, found, time.process_time() - began
