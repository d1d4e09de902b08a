"""CPU of one update: a window with one new scrape is taken in by the test of one rollout.

Windows are as in the operator: three scrape intervals, folded as samples come, after an hour of
history. Run by `make bench-update`; the figures are in bench/results/update.json.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from serinus.analysis import (
    Arm,
    Counter,
    MeanPolicy,
    Policy,
    RatePolicy,
    Target,
    Window,
    begin_trial,
    reweigh_trial,
    take_in,
)

RESULTS = Path(__file__).parent / "results" / "update.json"
INTERVAL, HISTORY, SECONDS, ANCHOR = 5.0, 3600.0, 600.0, 1_000_000.0
BOUNDS = tuple(0.01 * 2**step for step in range(12))
Cells = list[float]
"""What each cell of a metric grows by in a second, for all of one arm."""

ERRORS: Cells = [99.5, 0.5]
LATENCY: Cells = [100.0 * (1.0 - 0.5**step) for step in range(1, 13)] + [100.0]
VALUES: Cells = [100.0, 50.0, 100.0]


def window(targets: dict[str, Arm | None], cells: Cells, at: float) -> Window:
    """Return what Prometheus holds of the targets' last three scrapes, whose offsets differ."""
    counters, found = [], []
    width = HISTORY if at <= ANCHOR else 3 * INTERVAL
    for place, (name, arm) in enumerate(targets.items()):
        offset = INTERVAL * place / len(targets)
        newest = int((at - offset) // INTERVAL)
        times = [tick * INTERVAL + offset for tick in range(newest - int(width // INTERVAL) + 1, newest + 1)]
        found.append(Target(name, arm, tuple((moment, 1.0) for moment in times)))
        for side in (arm,) if arm else tuple(Arm):
            share = 0.1 if side is Arm.CANARY else 0.9
            for cell, rate in enumerate(cells):
                samples = tuple((moment, float(int(share * rate * (moment - ANCHOR + HISTORY)))) for moment in times)
                counters.append(Counter(side, name, f"series#{cell}", cell, samples))
    return Window(tuple(counters), tuple(found), at - width, at, INTERVAL)


def measure(policy: Policy, targets: dict[str, Arm | None], cells: Cells) -> dict[str, float]:
    """Return the milliseconds of CPU of an update, and of all updates between two scrapes of a target."""
    trial = reweigh_trial(begin_trial({"test": policy}, 0.01, ANCHOR), ANCHOR, 0.1)
    trial = take_in(trial, {"test": window(targets, cells, ANCHOR)})
    step, took = INTERVAL / len(targets), []
    for number in range(1, int(SECONDS / step)):
        shown = window(targets, cells, ANCHOR + number * step + 0.01)
        began = time.process_time()
        trial = take_in(trial, {"test": shown})
        took.append(1000 * (time.process_time() - began))
    return {
        "ms per update, median": round(statistics.median(took), 3),
        "ms per update, mean": round(statistics.fmean(took), 3),
        "ms per scrape interval": round(statistics.fmean(took) * len(targets), 3),
    }


def main() -> None:
    """Run, print and keep the figures."""
    proxy: dict[str, Arm | None] = {"proxy": None}
    pods: dict[str, Arm | None] = {"canary-0": Arm.CANARY} | {f"stable-{n}": Arm.STABLE for n in range(3)}
    cases: dict[str, Callable[[], dict[str, float]]] = {
        "error rate, one proxy": lambda: measure(RatePolicy(), proxy, ERRORS),
        "error rate, 1 + 3 pods": lambda: measure(RatePolicy(), pods, ERRORS),
        "latency of 12 bounds, one proxy": lambda: measure(RatePolicy(bounds=BOUNDS), proxy, LATENCY),
        "latency of 12 bounds, 1 + 3 pods": lambda: measure(RatePolicy(bounds=BOUNDS), pods, LATENCY),
        "mean, 1 + 3 pods": lambda: measure(MeanPolicy(higher_is_better=True, margin=0.1, effect=0.1), pods, VALUES),
    }
    figures = {"command": "make bench-update", "cpus": os.cpu_count(), **{name: case() for name, case in cases.items()}}
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
