"""What cannot be used is refused with exit code 2, the line and the field, and nothing is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .scenes import Scene, record, simulate, told, write

GOOD: dict[str, Any] = {"time": 10, "role": "stable", "pod": "a", "requests": 5, "errors": 1}
BUCKETS: dict[str, Any] = {"time": 10, "role": "stable", "pod": "a"}

LINES: list[tuple[Any, str]] = [
    ({**GOOD, "time": "yesterday"}, 'time is "yesterday" but must be Unix seconds, or an RFC 3339 time'),
    ({**GOOD, "time": "2026-05-04T12:00:00"}, "must say its time zone"),
    ({**GOOD, "time": True}, "time is true but"),
    ({**GOOD, "time": 1_780_000_000_000}, "time is 1780000000000 but must be Unix seconds, not milliseconds"),
    ({**GOOD, "time": -5}, "time is -5 but must be"),
    ({**GOOD, "time": None}, "time is null but"),
    ({key: GOOD[key] for key in GOOD if key != "time"}, "time is missing"),
    ({**GOOD, "role": "baseline"}, 'role is "baseline" but must be stable or canary'),
    ({**GOOD, "role": ["stable"]}, 'role is ["stable"] but'),
    ({key: GOOD[key] for key in GOOD if key != "role"}, "role is missing"),
    ({**GOOD, "pod": ""}, 'pod is "" but must be the name'),
    ({**GOOD, "pod": 7}, "pod is 7 but"),
    ({key: GOOD[key] for key in GOOD if key != "pod"}, "pod is missing"),
    ({**GOOD, "up": 2}, "up is 2 but must be 0"),
    ({**GOOD, "up": 0}, "requests cannot stand beside up: 0"),
    ({**GOOD, "requests": -3}, "requests is -3 but must be a number of at least 0"),
    ({**GOOD, "requests": "5"}, 'requests is "5" but'),
    ({**GOOD, "errors": -1}, "errors is -1 but must be a number of at least 0"),
    ({**GOOD, "errors": 6}, "errors is 6 but must be at most the 5 of requests"),
    ({key: GOOD[key] for key in GOOD if key != "errors"}, "errors is missing"),
    ({key: GOOD[key] for key in GOOD if key != "requests"}, "requests is missing"),
    ({"time": 10, "role": "stable", "pod": "a"}, "holds no sample"),
    ({**GOOD, "request": 4}, "request is no field of a recording; did you mean requests?"),
    ({**GOOD, "zzz": 4}, "zzz is no field of a recording; the fields are time, role"),
    ({**BUCKETS, "buckets": {}}, "buckets is {} but must be an object"),
    ({**BUCKETS, "buckets": [1, 2]}, "buckets is [1,2] but"),
    ({**BUCKETS, "buckets": {"0.1": 3}}, 'buckets has no "+Inf"'),
    ({**BUCKETS, "buckets": {"+Inf": 3}}, 'holds "+Inf" only'),
    ({**BUCKETS, "buckets": {"fast": 3, "+Inf": 3}}, 'the bound "fast" but bounds must be seconds'),
    ({**BUCKETS, "buckets": {"nan": 3, "+Inf": 3}}, 'the bound "nan"'),
    ({**BUCKETS, "buckets": {"-1": 3, "+Inf": 3}}, 'the bound "-1"'),
    ({**BUCKETS, "buckets": {"0.1": 4, "0.2": 3, "+Inf": 5}}, "buckets falls from 4 at 0.1 to 3 at 0.2"),
    ({**BUCKETS, "buckets": {"0.1": 4, "0.10": 4, "+Inf": 5}}, "has the bound 0.1 twice"),
    ({**BUCKETS, "buckets": {"0.1": -4, "+Inf": 5}}, 'buckets["0.1"] is -4 but'),
    ({**BUCKETS, "count": 3, "sum": 4.0}, "sumsq or unit"),
    ({**BUCKETS, "count": 3, "sum": 4.0, "sumsq": 5, "unit": "1"}, "sumsq or unit"),
    ({**BUCKETS, "count": 3, "sumsq": 5}, "sum is missing"),
    ({**BUCKETS, "sum": 3, "sumsq": 5}, "count is missing"),
    ({**BUCKETS, "count": 3, "sum": -4.0, "sumsq": 5}, "sum is -4.0 but"),
    ({**BUCKETS, "count": 3, "sum": 4.0, "unit": 5}, "unit is 5 but must be a text"),
    ({"time": 10, "weight": 101}, "weight is 101 but must be a number from 0 to 100"),
    ({"time": 10, "weight": -1}, "weight is -1 but"),
    ({"time": 10, "weight": 5, "role": "canary"}, "role cannot stand beside weight"),
    ('{"time": 10, ', "is not JSON"),
    ('{"time": NaN}', "is not JSON"),
    ("[1]", "is [1] but must be a JSON object"),
    ("7", "is 7 but must be a JSON object"),
]


def refused(*arguments: str) -> str:
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize(("line", "told"), LINES, ids=[told for _, told in LINES])
def test_a_broken_line_is_named(tmp_path: Path, line: dict[str, Any] | str, told: str) -> None:
    file = write(tmp_path, [{"time": 1, "weight": 5}])
    text = write(tmp_path, [line], "broken") if isinstance(line, dict) else line
    broken = Path(text).read_text() if isinstance(line, dict) else line
    Path(file).write_text(Path(file).read_text() + broken)
    message = refused(file)
    assert f"{file}: line 2: " in message
    assert told in message


AGAINST: list[tuple[dict[str, Any], str]] = [
    (
        {**GOOD, "time": 9},
        "line 3: time is 9 but must not be before the 10 of line 2: the times of pod a run backwards",
    ),
    ({**GOOD}, "line 3: time is 10 as in line 2"),
    ({**GOOD, "time": 15, "requests": 7, "errors": 0}, "line 3: errors is 0 but must be at least the 1 of line 2"),
    (
        {**GOOD, "time": 15, "requests": 7, "errors": 4},
        "line 3: errors is 4, 3 more than in line 2, but requests has grown by 2",
    ),
    ({"time": 10, "pod": "a", "up": 0}, "line 3: up differs from that of line 2"),
    ({"time": 10, "pod": "ghost", "up": 0}, "line 3: role is missing, and no other line of pod ghost says it"),
    ({"time": 0, "weight": 9}, "line 3: time is 0 but must not be before the 1 of line 1: weights stand in order"),
]


@pytest.mark.parametrize(("line", "told"), AGAINST, ids=[told for _, told in AGAINST])
def test_a_line_that_contradicts_another_is_named(tmp_path: Path, line: dict[str, Any], told: str) -> None:
    whole = [{**GOOD, "role": "canary", "pod": "b"}, {"time": 1, "weight": 5}][::-1]
    lines = [whole[0], GOOD, line, whole[1]]
    assert told in refused(write(tmp_path, lines))


def test_a_counter_that_starts_again_is_no_contradiction(tmp_path: Path) -> None:
    lines = [*record(Scene()), {**GOOD, "time": Scene().end + 5, "pod": "stable-0", "requests": 1, "errors": 0}]
    assert simulate(write(tmp_path, lines)).exit_code != 2


def test_times_too_far_apart_are_refused(tmp_path: Path) -> None:
    lines = [*record(Scene()), {**GOOD, "time": Scene().end + 40 * 86400, "pod": "stable-0"}]
    assert f"line {len(lines)}: time is " in refused(write(tmp_path, lines))


WHOLE: list[tuple[list[dict[str, Any]], str]] = [
    ([], "is empty"),
    ([{"time": 1, "weight": 5}], "holds no stable at all"),
    ([{"time": 1, "weight": 5}, GOOD], "holds no canary at all"),
    ([GOOD, {**GOOD, "role": "canary", "pod": "b"}], "has no weight line"),
    ([{"time": 1, "weight": 0}, GOOD, {**GOOD, "role": "canary", "pod": "b"}], "has no weight line"),
    (
        [{"time": 99, "weight": 5}, GOOD, {**GOOD, "role": "canary", "pod": "b"}],
        "no scrape after the canary's first weight",
    ),
    (
        [
            {"time": 1, "weight": 5},
            {**BUCKETS, "count": 1, "sum": 1, "sumsq": 1},
            {**BUCKETS, "role": "canary", "pod": "b", "count": 1, "sum": 1, "sumsq": 1},
        ],
        "holds nothing that the policy judges: error-rate: there are no counters",
    ),
]


@pytest.mark.parametrize(("lines", "told"), WHOLE, ids=[told for _, told in WHOLE])
def test_a_recording_that_cannot_be_judged_is_refused(tmp_path: Path, lines: list[dict[str, Any]], told: str) -> None:
    assert told in refused(write(tmp_path, lines))


def test_histograms_without_a_common_bound_are_refused(tmp_path: Path) -> None:
    lines = [
        {"time": 1, "weight": 5},
        {**BUCKETS, "buckets": {"0.1": 1, "+Inf": 2}},
        {**BUCKETS, "role": "canary", "pod": "b", "buckets": {"0.2": 1, "+Inf": 2}},
    ]
    (tmp_path / "policy.yaml").write_text("latency: {}")
    assert "line 3: buckets has no bound in common" in refused(
        write(tmp_path, lines), "--policy", str(tmp_path / "policy.yaml")
    )


def test_a_mean_with_another_spread_than_the_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "means: [{name: m, count: c, sum: s, unit: u, better: Lower, margin: 1, effect: 1}]"
    )
    found = refused(write(tmp_path, record(Scene(mean=True))), "--policy", str(tmp_path / "policy.yaml"))
    assert "line 1: unit is missing" in found


POLICIES = [
    ("alpha: 0", "alpha: Input should be greater than 0 (it is '0')"),
    ("errorRate: {rho: 0.5}", "errorRate.rho: "),
    ("errorRate: {delta: 0.02}", "margin is 0.01 but must be above the 0.02 of delta"),
    ("latncy: {}", "latncy: there is no such field"),
    ("metrics: [{name: x, query: 'vector(1', max: 1}]", "metrics[0].query: "),
    ("kind: ModelDeployment\nspec: {analysis: {alpha: 9}}", "spec.analysis.alpha: "),
    ("kind: ModelDeployment\nspec: {runtime: {metrics: {port: 0}}}", "spec.runtime.metrics.port: "),
    ("kind: ModelDeployment", "spec is None but must be an object"),
    ("kind: Deployment\nspec: {}", "holds 0 manifests of kind ModelDeployment"),
    ("alpha: [", "is not YAML"),
    ("- alpha", "the policy: "),
    ("alpha: 0.1\n---\nalpha: 0.2", "holds 2 documents"),
]


@pytest.mark.parametrize(("text", "told"), POLICIES, ids=[told for _, told in POLICIES])
def test_a_broken_policy_names_the_field(tmp_path: Path, text: str, told: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    message = refused(write(tmp_path, record(Scene())), "--policy", str(policy))
    assert f"{policy}: " in message
    assert told in message


def test_an_empty_policy_is_the_default(tmp_path: Path) -> None:
    file, policy = write(tmp_path, record(Scene())), tmp_path / "policy.yaml"
    policy.write_text("")
    assert told(simulate(file, "--policy", str(policy))) == told(simulate(file))


WRONG = [
    ([], "expected a RECORDING or --prometheus"),
    (["missing.jsonl"], "missing.jsonl: No such file or directory"),
    (["FILE", "--policy", "missing.yaml"], "missing.yaml: No such file or directory"),
    (["FILE", "--prometheus", "http://x"], "one of them"),
    (["FILE", "--name", "x"], "--name needs --prometheus"),
    (["FILE", "--weight", "0s=5"], "--weight needs --prometheus"),
    (["--prometheus", "http://x", "--name", "m"], "--prometheus also needs --namespace, --stable, --canary"),
    (["FILE", "--every", "often"], "--every: 'often' is not a duration"),
    (["FILE", "--every", "0s"], "--every: '0s' must be longer than nothing"),
    (["FILE", "--aa", "--share", "1.5"], "--share is 1.5 but must be between 0 and 1"),
    (["FILE", "--aa", "--runs", "0"], "--runs is 0 but must be at least 1"),
    (["FILE", "--aa", "--plot", "x.svg"], "it does not go with --aa"),
    (["FILE", "--nonsense"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[told for _, told in WRONG])
def test_a_wrong_use_is_refused(tmp_path: Path, arguments: list[str], told: str) -> None:
    file = write(tmp_path, record(Scene(duration=30.0)))
    assert told in refused(*[file if argument == "FILE" else argument for argument in arguments])
