"""The bench of the judge: its fast way gives the shipped verdicts, and all of it runs."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import pytest

from serinus.analysis import Arm, Counter, RatePolicy, Target, Trial, Window, begin_trial, reweigh_trial, take_in

ROOT = Path(__file__).parents[2]
ANCHOR = 1_000_000.0
Modules: TypeAlias = Callable[[str], ModuleType]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Modules:
    monkeypatch.syspath_prepend(str(ROOT))

    def found(name: str) -> ModuleType:
        return importlib.import_module(f"bench.judge.{name}")

    return found


def windowed(found: Any, run: int, interval: float) -> Window:
    """What one proxy would have reported of one run."""
    before = found.history[:, run]
    times = ANCHOR + interval * np.arange(-len(before), found.n_c.shape[1] + 1)
    stable = np.stack([found.n_s[run], found.x_s[run, :, 0]], axis=1)
    counts = {
        Arm.STABLE: np.concatenate([[[0, 0]], before, stable]),
        Arm.CANARY: np.concatenate(
            [np.zeros((len(before) + 1, 2)), np.stack([found.n_c[run], found.x_c[run, :, 0]], axis=1)]
        ),
    }
    counters = []
    for arm, numbers in counts.items():
        totals = np.cumsum(numbers, axis=0).astype(float)
        for cell, values in ((0, totals[:, 0] - totals[:, 1]), (1, totals[:, 1])):
            samples = tuple(zip(times.tolist(), values.tolist(), strict=True))
            counters.append(Counter(arm, "proxy", str(cell), cell, samples))
    target = Target("proxy", None, tuple((time, 1.0) for time in times.tolist()))
    return Window(tuple(counters), (target,), times[0] - interval, times[-1], interval)


def folded(window: Window, policy: RatePolicy, share: float) -> Trial:
    trial = reweigh_trial(begin_trial({"e": policy}, 0.01, ANCHOR), ANCHOR, share)
    return take_in(trial, {"e": window})


@pytest.mark.parametrize("interval", [5.0, 15.0])
@pytest.mark.parametrize("rate", [0.005, 0.02])
@pytest.mark.parametrize("delta", [0.0, 0.005])
def test_many_runs_at_once_give_the_verdicts_of_the_shipped_fold(
    module: Modules, interval: float, rate: float, delta: float
) -> None:
    stream = module("stream")
    traffic = stream.Traffic(canary=rate, interval=interval, duration=900.0)
    found = stream.counts(traffic, 4, np.random.default_rng(7))
    policy = RatePolicy(delta=delta, dispersion=2.0)
    verdicts = stream.judged(found, policy, interval, [2.0], [0.01])[2.0, 0.01]
    for run in range(4):
        trial = folded(windowed(found, run, interval), policy, traffic.share)
        assert (trial.latch.time - ANCHOR if trial.latch else np.inf) == verdicts.seconds[run]
        if not np.isfinite(verdicts.seconds).all():
            assert trial.log_evidence == pytest.approx(verdicts.evidence[run], abs=1e-8)


def test_many_runs_at_once_give_the_proof_of_the_shipped_fold(module: Modules) -> None:
    stream = module("stream")
    traffic = stream.Traffic(duration=1800.0)
    found = stream.counts(traffic, 3, np.random.default_rng(8))
    policy = RatePolicy(delta=0.0, margin=0.01, dispersion=1.0)
    verdict = stream.proven(found, policy, 15.0, [1.0])[1.0]
    assert np.isfinite(verdict.seconds).all()
    for run in range(3):
        trial = reweigh_trial(begin_trial({"e": policy}, 0.01, ANCHOR), ANCHOR, traffic.share)
        whole = windowed(found, run, 15.0)
        proven = []
        for now in (verdict.seconds[run] - 15.0, verdict.seconds[run]):
            test = take_in(trial, {"e": until(whole, ANCHOR + now)}).tests["e"]
            proven.append(test.log_proof >= policy.log_proof_threshold)
        assert proven == [False, True]


def until(window: Window, now: float) -> Window:
    counters = tuple(
        Counter(c.arm, c.target, c.key, c.cell, tuple(s for s in c.samples if s[0] <= now)) for c in window.counters
    )
    targets = tuple(Target(t.name, t.arm, tuple(s for s in t.scrapes if s[0] <= now)) for t in window.targets)
    return Window(counters, targets, window.start, now, window.interval)


@pytest.mark.parametrize("source", ["pods", "proxy"])
@pytest.mark.parametrize("rate", [0.005, 0.03])
def test_runs_that_share_the_scrapes_fail_when_each_would_alone(module: Modules, source: str, rate: float) -> None:
    scene, replay = module("scene"), module("replay")
    plot = scene.Scene(
        canary=rate, duration=900.0, history=300.0, pods=source == "pods", outage=(60.0, 0.5), missing=0.05
    )
    shown = scene.film(plot, np.random.default_rng(5), 3)
    assert {series.key for series in shown.series} == {f"histogram#{cell}" for cell in range(4)}
    policy = RatePolicy(delta=0.0)
    delays = replay.failed_after(shown, policy, 0.01, 3, early=True)
    assert np.isfinite(delays).any() == (rate > 0.005)
    for run in range(3):
        assert replay.failed_alone(alone(shown, run), policy, 0.01) == delays[run]


def alone(shown: Any, run: int) -> Any:
    """The film of one of the runs: counters of its good and of its bad answers."""
    every = {(s.arm, s.target, s.cell): s for s in shown.series}
    last = max(s.cell for s in shown.series)
    series = []
    for (arm, target, cell), good in every.items():
        if cell == run:
            total = every[arm, target, last]
            fine = dict(zip(good.times.tolist(), good.values.tolist(), strict=True))
            bad = np.array([all_ - fine.get(at, 0.0) for at, all_ in zip(total.times, total.values, strict=True)])
            series.append(replace(good, cell=0, key="good"))
            series.append(replace(good, cell=1, key="bad", times=total.times[bad > 0.0], values=bad[bad > 0.0]))
    return replace(shown, series=tuple(series))


def test_flagger_counts_failed_checks_and_acts_a_tick_later(module: Modules) -> None:
    requests = np.full((3, 60), 100.0)
    errors = np.zeros((3, 60))
    errors[0] = 100.0
    errors[1, ::2] = 2.0
    requests[2, :4] = 0.0
    delay = module("peers").flagger(requests, errors, 5)
    assert delay.tolist() == [360.0, 600.0, np.inf]


def test_kayenta_agrees_with_ranks_by_hand(module: Modules) -> None:
    worse = module("peers").worse
    rng = np.random.default_rng(3)
    for _ in range(200):
        x, y = rng.random(10) + rng.choice([0.0, 0.3, 0.6]), rng.random(10)
        if rng.random() < 0.5:
            x, y = np.round(x, 1), np.round(y, 1)
        assert worse(x[None], y[None])[0] == by_hand(x, y)


def by_hand(x: np.ndarray, y: np.ndarray) -> bool:
    """The interval by moving the shift in small steps over the statistic."""
    steps = np.unique((x[:, None] - y[None, :]).ravel())
    middles = [steps[0] - 1.0, *(0.5 * (a + b) for a, b in pairwise(steps)), steps[-1] + 1.0]

    def score(shift: float) -> float:
        both = np.concatenate([x - shift, y])
        dz = ((x[:, None] - shift > y[None, :]).sum() + 0.5 * (x[:, None] - shift == y[None, :]).sum()) - 50.0
        _, ties = np.unique(both.round(9), return_counts=True)
        sigma = np.sqrt(100 / 12 * (21 - (ties**3 - ties).sum() / (20 * 19)))
        return float((dz - 0.5 * np.sign(dz)) / sigma)

    low = next(step for step, after in zip(steps, middles[1:], strict=True) if score(after) < 2.3263479)
    estimate = np.median((x[:, None] - y[None, :]).ravel())
    return bool(low > 0.25 * abs(estimate) and x.mean() / y.mean() >= 1.0)


def test_kayenta_without_differences_passes(module: Modules) -> None:
    worse = module("peers").worse
    same = np.zeros((1, 10))
    assert not worse(same, same)[0]
    assert worse(same + 1.0, same + 0.1)[0]
    assert not worse(same, same + 0.1)[0]


def test_limits_and_quantiles(module: Modules) -> None:
    figures = module("figures")
    low, high = figures.limits(0, 10_000)
    assert low == 0.0
    assert high == pytest.approx(1.0 - 0.025 ** (1 / 10_000), rel=1e-6)
    low, high = figures.limits(50, 1000)
    assert (low, high) == pytest.approx((0.03734, 0.06539), abs=5e-5)
    counted = {"15": 5, "30": 4, "never": 1}
    assert figures.quantile(counted, 0.5) == 15.0
    assert figures.quantile(counted, 0.9) == 30.0
    assert figures.quantile(counted, 0.95) is None


def test_the_bench_runs_and_goes_on_where_it_was(
    module: Modules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "judge.json"
    main = module("__main__").main
    monkeypatch.setattr(sys, "argv", ["judge", "--quick", "--only", "grid", "--only", "total", "--out", str(out)])
    main()
    first = json.loads(out.read_text())
    assert {cell["subject"].popitem()[0] for cell in first["cells"].values()} == {"Traffic", "Scene"}
    assert "| runs |" in out.with_suffix(".md").read_text()
    main()
    assert json.loads(out.read_text())["cells"].keys() == first["cells"].keys()
    capsys.readouterr()


def test_a_seed_is_the_cells_own(module: Modules) -> None:
    work, cells = module("work"), module("cells").cells()
    cell = next(cell for cell in cells if cell.kind == "scene")
    assert work.run(cell, 0, 1) == work.run(cell, 0, 1)
    assert work.seed_of(cell, 0).entropy != work.seed_of(cells[-1], 0).entropy
