"""A/A: what this policy does to a healthy version, on stable's own requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import beta

from serinus.cli.aa_report import clopper_pearson

from .scenes import Scene, proxied, record, simulate, told, write

SCENE = Scene(rps=200.0, history=60.0, duration=240.0)
RUNS = ("--aa", "--runs", "12")


def test_a_healthy_version_is_hardly_ever_rolled_back(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(SCENE)), *RUNS)
    *runs, summary = told(result)
    assert result.exit_code == 0
    assert len(runs) == summary["runs"] == 12
    assert summary["rolledBack"]["count"] == sum(run["rolledBack"] for run in runs) <= 1
    assert summary["rolledBack"]["low"] <= summary["rolledBack"]["rate"] <= summary["rolledBack"]["high"]
    assert summary["dividedBy"] == "requests"
    assert "would have rolled back a healthy version in" in result.stderr


def test_it_proves_a_healthy_version(tmp_path: Path) -> None:
    summary = told(simulate(write(tmp_path, record(SCENE)), *RUNS))[-1]
    assert summary["proven"]["count"] >= 9
    assert 100 < summary["medianRequestsToProof"] < 10_000


def test_a_seed_gives_the_same_runs_and_another_one_others(tmp_path: Path) -> None:
    file = write(tmp_path, record(SCENE))
    first = simulate(file, "--aa", "--runs", "5", "--seed", "7").stdout
    assert first == simulate(file, "--aa", "--runs", "5", "--seed", "7").stdout
    assert first != simulate(file, "--aa", "--runs", "5", "--seed", "8").stdout


def test_stable_alone_is_enough(tmp_path: Path) -> None:
    lines = [line for line in record(SCENE) if line.get("role") == "stable"]
    result = simulate(write(tmp_path, lines), *RUNS)
    assert result.exit_code == 0
    assert simulate(write(tmp_path, lines)).exit_code == 2, "a replay needs a canary"


def test_the_canary_that_was_there_does_not_matter(tmp_path: Path) -> None:
    bad = Scene(rps=200.0, duration=240.0, canary_errors=0.5)
    assert told(simulate(write(tmp_path, record(bad)), *RUNS))[-1]["rolledBack"]["count"] <= 1


def test_with_four_pods_pods_are_chosen(tmp_path: Path) -> None:
    lines = record(Scene(stables=6, rps=400.0, duration=240.0))
    summary = told(simulate(write(tmp_path, lines), *RUNS, "--share", "0.3"))[-1]
    assert (summary["dividedBy"], summary["pods"], summary["canaryPods"]) == ("pods", 6, 2)
    assert summary["rolledBack"]["count"] <= 1


def test_pods_that_differ_are_seen_when_pods_are_chosen(tmp_path: Path) -> None:
    """One of five pods of the same version fails far more: whoever is compared with it looks good or bad."""
    lines = record(Scene(stables=5, rps=400.0, duration=240.0))
    for line in lines:
        if line.get("pod") == "stable-2":
            line["errors"] = line["requests"] // 4
    result = simulate(write(tmp_path, lines), "--aa", "--runs", "30", "--share", "0.2")
    summary = told(result)[-1]
    assert 0 < summary["rolledBack"]["count"] < 30
    assert summary["rolledBack"]["low"] > summary["alpha"]
    assert result.exit_code == 1


def test_proxies_divide_requests(tmp_path: Path) -> None:
    summary = told(simulate(write(tmp_path, proxied(record(SCENE))), *RUNS))[-1]
    assert (summary["dividedBy"], summary["rolledBack"]["count"]) == ("requests", 0)
    assert summary["proven"]["count"] >= 9


def test_latency_is_divided_too(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("latency: {gating: false}\n")
    lines = record(Scene(rps=200.0, duration=240.0, buckets=True))
    summary = told(simulate(write(tmp_path, lines), "--aa", "--runs", "10", "--policy", str(policy)))[-1]
    assert summary["rolledBack"]["count"] == 0
    assert summary["leftOut"] == {}


def test_means_need_pods(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("means: [{name: m, count: c, sum: s, sumsq: q, better: Higher, margin: 0.1, effect: 1}]\n")
    few = simulate(write(tmp_path, record(Scene(mean=True))), "--aa", "--runs", "2", "--policy", str(policy))
    assert set(told(few)[-1]["leftOut"]) == {"m"}
    assert "Not judged: m: sums cannot be divided" in few.stderr
    many = record(Scene(mean=True, stables=5, rps=200.0))
    summary = told(simulate(write(tmp_path, many), "--aa", "--runs", "5", "--policy", str(policy)))[-1]
    assert summary["leftOut"] == {}


def test_too_short_a_recording_is_refused(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(Scene(history=10.0, duration=10.0))), *RUNS)
    assert result.exit_code == 2
    assert "--aa needs at least" in result.stderr


@pytest.mark.parametrize(("count", "total"), [(0, 200), (1, 200), (3, 10), (10, 10), (199, 200), (500, 1000)])
def test_the_interval_is_exact(count: int, total: int) -> None:
    low, high = clopper_pearson(count, total)
    assert low == pytest.approx(beta.ppf(0.025, count, total - count + 1) if count else 0, abs=1e-9)
    assert high == pytest.approx(beta.ppf(0.975, count + 1, total - count) if count < total else 1, abs=1e-9)
