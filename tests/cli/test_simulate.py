"""`serinus simulate` on whole recordings: verdicts, exit codes, what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .scenes import START, Scene, proxied, record, simulate, told, write

BAD = Scene(canary_errors=0.2)
GOOD = Scene(rps=400.0, duration=150.0, stable_errors=0.002, canary_errors=0.002)
LATENCY = "latency: {gating: false}\n"


def policy(folder: Path, text: str) -> str:
    path = folder / "policy.yaml"
    path.write_text(text)
    return str(path)


def test_a_bad_canary_is_rolled_back(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(BAD)))
    *ticks, summary = told(result)
    assert result.exit_code == 1
    assert (summary["summary"], summary["outcome"], summary["reason"]) == ("rolled back", "Fail", "ErrorRateTooHigh")
    assert 0 < summary["seconds"] < 60
    assert summary["time"] == BAD.anchor + summary["seconds"]
    assert summary["ticks"] == len(ticks)
    first = next(tick for tick in ticks if tick["outcome"] == "Fail")
    assert first["time"] == summary["time"]
    assert first["evidence"] >= first["threshold"] == 100


def test_a_good_canary_is_promoted(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(GOOD)))
    summary = told(result)[-1]
    assert result.exit_code == 0
    assert (summary["summary"], summary["outcome"], summary["passedAt"]) == ("promoted", "Pass", summary["time"])


def test_too_little_traffic_is_neither(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(Scene(rps=2.0))))
    summary = told(result)[-1]
    assert result.exit_code == 3
    assert (summary["outcome"], summary["reason"]) == ("Inconclusive", "TooFewRequests")


def test_a_tick_says_all_that_the_judge_saw(tmp_path: Path) -> None:
    tick = told(simulate(write(tmp_path, record(BAD))))[-2]
    found = tick["metrics"]["error-rate"]
    assert set(tick) >= {"time", "seconds", "weight", "outcome", "reason", "metric", "evidence", "threshold", "metrics"}
    assert set(found) >= {"evidence", "threshold", "proof", "proofThreshold", "dispersion", "dispersionSource"}
    for side in ("canary", "stable"):
        assert found[side]["low"] <= found[side]["rate"] <= found[side]["high"]
        assert found[side]["errors"] <= found[side]["requests"]
    assert tick["weight"] == 10


def test_the_seconds_after_the_first_canary_sample_are_those_with_weight(tmp_path: Path) -> None:
    lines = record(BAD)
    first = next(line["time"] for line in lines if line.get("role") == "canary" and line["time"] >= BAD.anchor)
    summary = told(simulate(write(tmp_path, lines)))[-1]
    assert summary["secondsAfterFirstCanarySample"] == pytest.approx(summary["time"] - first, abs=1e-3)


def test_ticks_are_the_scrapes_or_as_often_as_asked(tmp_path: Path) -> None:
    lines = record(BAD)
    file = write(tmp_path, lines)
    scrapes = {line["time"] for line in lines if "pod" in line and line["time"] >= BAD.anchor}
    assert [tick["time"] for tick in told(simulate(file))[:-1]] == sorted(scrapes)
    seldom = told(simulate(file, "--every", "30s"))
    assert [tick["seconds"] for tick in seldom[:-2]] == [0, 30, 60, 90]
    assert seldom[-2]["time"] == max(scrapes)
    assert seldom[-1]["outcome"] == "Fail"


def test_evidence_does_not_depend_on_how_often_one_looks(tmp_path: Path) -> None:
    file = write(tmp_path, record(GOOD))
    often, seldom = told(simulate(file)), told(simulate(file, "--every", "40s"))
    assert often[-2]["metrics"] == seldom[-2]["metrics"]


def test_a_proxy_reports_both_sides(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, proxied(record(BAD))))
    assert result.exit_code == 1
    result = simulate(write(tmp_path, proxied(record(GOOD))))
    assert result.exit_code == 0


def test_a_slow_canary_is_rolled_back_on_latency(tmp_path: Path) -> None:
    file = write(tmp_path, record(Scene(buckets=True, slower=3.0)))
    summary = told(simulate(file, "--policy", policy(tmp_path, LATENCY)))[-1]
    assert (summary["outcome"], summary["metric"], summary["reason"]) == ("Fail", "latency", "TooSlow")
    assert simulate(file).exit_code != 1, "the default policy does not judge latency"


def test_an_objective_needs_its_bound(tmp_path: Path) -> None:
    file = write(tmp_path, record(Scene(buckets=True, slower=3.0)))
    text = "latency: {gating: false, delta: 0.04, objective: {share: 0.99, within: %s}}\n"
    result = simulate(file, "--policy", policy(tmp_path, text % "250ms"))
    assert set(told(result)[0]["metrics"]) == {"error-rate", "latency", "latency-objective"}
    result = simulate(file, "--policy", policy(tmp_path, text % "200ms"))
    assert set(told(result)[-1]["leftOut"]) == {"latency-objective"}
    assert "Not judged: latency-objective: no bucket ends at 0.2 s" in result.stderr


def test_what_was_not_recorded_is_left_out_aloud(tmp_path: Path) -> None:
    text = """
latency: {}
means: [{name: revenue, count: c, sum: s, sumsq: q, better: Higher, margin: 0.1, effect: 1}]
metrics: [{name: gpu, query: vector(1), max: 2}]
"""
    result = simulate(write(tmp_path, record(BAD)), "--policy", policy(tmp_path, text))
    assert set(told(result)[-1]["leftOut"]) == {"latency", "revenue", "gpu"}
    assert result.stderr.count("Not judged") == 3
    assert told(result)[0]["metrics"]["error-rate"]["threshold"] == 100, "alpha is shared by what is judged"


def test_a_mean_that_falls_is_rolled_back(tmp_path: Path) -> None:
    text = "means: [{name: revenue, count: c, sum: s, sumsq: q, better: Higher, margin: 0.1, effect: 1}]\n"
    lines = record(Scene(mean=True, rps=200.0))
    file = write(tmp_path, lines)
    same = told(simulate(file, "--policy", policy(tmp_path, text)))[-2]["metrics"]["revenue"]
    assert same["outcome"] != "Fail"
    assert same["canary"]["rate"] == pytest.approx(10, abs=1)
    for line in lines:
        if line.get("role") == "canary":
            line["sum"] /= 2
            line["sumsq"] /= 4
    result = simulate(write(tmp_path, lines), "--policy", policy(tmp_path, text))
    assert result.exit_code == 1
    assert told(result)[-1]["metric"] == "revenue"


def test_user_buckets_of_a_mean(tmp_path: Path) -> None:
    text = "means: [{name: clicks, count: c, sum: s, unit: bucket, better: Higher, margin: 0.01, effect: 0.1}]\n"
    scene = Scene(mean=True, rps=200.0, duration=60.0)
    lines = []
    for line in record(scene):
        lines.append({key: value for key, value in line.items() if key not in {"count", "sum", "sumsq"}})
        lines.extend(
            {key: line[key] for key in ("time", "role", "pod")}
            | {"mean": "clicks", "unit": f"{unit:02}", "count": line["count"] / 40, "sum": line["count"] / 80 + unit}
            for unit in range(40)
            if "pod" in line
        )
    result = simulate(write(tmp_path, lines), "--policy", policy(tmp_path, text))
    found = told(result)[-2]["metrics"]["clicks"]
    assert found["canary"]["requests"] > 500
    few = [line for line in lines if line.get("unit", "00") < "10"]
    assert (
        "at least 32"
        in told(simulate(write(tmp_path, few), "--policy", policy(tmp_path, text)))[-1]["leftOut"]["clicks"]
    )


def test_a_gap_is_blind_and_judging_goes_on(tmp_path: Path) -> None:
    lines = [line for line in record(GOOD) if not 40 < line["time"] - GOOD.anchor < 90]
    ticks = told(simulate(write(tmp_path, lines), "--every", "5s"))[:-1]
    outcomes = {tick["seconds"]: tick["outcome"] for tick in ticks}
    assert (outcomes[40], outcomes[70]) == ("Inconclusive", "Blind")
    assert ticks[-1]["outcome"] in {"Inconclusive", "Pass"}


def test_a_failed_scrape_is_blind(tmp_path: Path) -> None:
    lines = record(GOOD)
    last = max(index for index, line in enumerate(lines) if line.get("pod") == "canary-0")
    lines[last] = {"time": lines[last]["time"], "pod": "canary-0", "up": 0}
    ticks = told(simulate(write(tmp_path, lines)))[:-1]
    assert next(tick for tick in ticks if tick["time"] == lines[last]["time"])["reason"] == "TargetDown"


def test_a_pod_that_goes_away_is_not_missed(tmp_path: Path) -> None:
    lines = [line for line in record(GOOD) if line.get("pod") != "stable-1" or line["time"] < GOOD.anchor + 50]
    ticks = told(simulate(write(tmp_path, lines), "--every", "5s"))[:-1]
    assert all(tick["outcome"] != "Blind" for tick in ticks if tick["seconds"] > 20)


def test_a_restart_of_a_pod_counts_from_zero(tmp_path: Path) -> None:
    lines, base = record(GOOD), {"requests": 0.0, "errors": 0.0}
    for line in lines:
        if line.get("pod") == "stable-0":
            if line["time"] < GOOD.anchor + 50:
                base = {key: line[key] for key in base}
            else:
                line |= {key: line[key] - base[key] for key in base}
    whole = told(simulate(write(tmp_path, record(GOOD))))[-2]["metrics"]["error-rate"]
    found = told(simulate(write(tmp_path, lines)))[-2]["metrics"]["error-rate"]
    assert found["stable"]["requests"] == whole["stable"]["requests"]


def test_a_scrape_that_lacks_a_role_waits_for_the_next(tmp_path: Path) -> None:
    lines = proxied(record(GOOD))
    gone = next(i for i, line in enumerate(lines) if line.get("role") == "canary" and line["time"] > GOOD.anchor + 50)
    whole = told(simulate(write(tmp_path, lines)))[-2]["metrics"]["error-rate"]
    found = told(simulate(write(tmp_path, lines[:gone] + lines[gone + 1 :])))[-2]["metrics"]["error-rate"]
    assert found["canary"]["requests"] == whole["canary"]["requests"]


def test_steps_of_weight_are_in_the_ticks(tmp_path: Path) -> None:
    lines = [*record(GOOD), {"time": GOOD.anchor + 60, "weight": 25}]
    ticks = told(simulate(write(tmp_path, lines), "--every", "10s"))[:-1]
    assert [tick["weight"] for tick in ticks if tick["seconds"] in {0, 50, 60, 70}] == [10, 10, 25, 25]


def test_standard_input_comments_and_times_in_words(tmp_path: Path) -> None:
    lines = record(BAD)
    file = write(tmp_path, lines)
    text = "# a recording\n\n" + Path(file).read_text().replace(f"{BAD.anchor}", '"2026-05-28T20:27:40Z"', 1)
    assert "2026-05-28" in text
    assert simulate("-", stdin=text).stdout == simulate(file).stdout


def test_a_whole_manifest_holds_the_policy(tmp_path: Path) -> None:
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "recommender"},
        "spec": {"runtime": {"image": "x", "port": 1}, "analysis": {"alpha": 0.001}},
    }
    text = "kind: Namespace\n---\n" + json.dumps(manifest)
    result = simulate(write(tmp_path, record(BAD)), "--policy", policy(tmp_path, text))
    assert told(result)[0]["threshold"] == 1000


def test_start_up_is_light() -> None:
    code = (
        "import sys; from serinus.cli.main import main\n"
        "main(['simulate', '--help'], standalone_mode=False)\n"
        "print(sorted({'kopf', 'kubernetes', 'matplotlib', 'numpy', 'pydantic'} & set(sys.modules)), file=sys.stderr)"
    )
    operator = Path(__file__).parents[2] / "operator"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(operator)}
    )
    assert run.stderr.strip() == "[]"
    assert "--policy" in run.stdout


def test_replaying_loads_no_kubernetes(tmp_path: Path) -> None:
    file = write(tmp_path, record(BAD))
    code = (
        "import sys; from serinus.cli.main import main\n"
        f"main(['simulate', {file!r}], standalone_mode=False)\n"
        "print(sorted({'kopf', 'kubernetes', 'matplotlib', 'aiohttp'} & set(sys.modules)), file=sys.stderr)"
    )
    operator = Path(__file__).parents[2] / "operator"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(operator)}
    )
    assert run.stderr.strip() == "[]"


def test_the_recording_begins_where_the_test_says() -> None:
    assert min(line["time"] for line in record(BAD)) >= START
