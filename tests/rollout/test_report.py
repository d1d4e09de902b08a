"""The status that people, kstatus, Argo CD and Helm read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from serinus.analysis import Outcome, Verdict
from serinus.api import conditions as types
from serinus.api.analysis import NOTHING_COUNTED
from serinus.api.status import (
    MAX_MESSAGE,
    MAX_PAST_MESSAGE,
    Condition,
    MetricStatus,
    Phase,
    RolloutState,
    Status,
)
from serinus.desired.revision import Revision
from serinus.rollout.command import MAX_COMMAND
from serinus.rollout.observation import Workload
from serinus.rollout.report import Facts, Problem, refused, status
from serinus.rollout.step import MAX_WEIGHTS
from serinus.rollout.turns import Wait
from serinus.traffic.split import SeenSplit

from .support import (
    BLIND,
    INCONCLUSIVE,
    NEW,
    NOW,
    OLD,
    UNDER_TEST,
    failure,
    pods,
    seen,
    spec,
    state,
    weights,
)  # fmt: skip

PROBLEM = Problem("InvalidSpec", "spec.replicas: must be at least 1 (it is 0)")
RESTING = {Phase.STABLE, Phase.ROLLED_BACK}


def revision(name: str, image: str = "model:1", promoted_at: float | None = None) -> Revision:
    containers = [{"name": "sidecar", "image": "other"}, {"name": "model", "image": image}]
    return Revision(name, {"spec": {"containers": containers}}, {}, None, promoted_at=promoted_at)


def facts(at: RolloutState, world: dict[str, Any] | None = None, **update: Any) -> Facts:
    target = {"target": NEW} if at.phase is Phase.ROLLED_BACK else {}
    known = {
        "name": "recommender",
        "generation": 7,
        "spec": spec(),
        "state": at,
        "seen": seen(at, **{**target, **(world or {})}),
        "revisions": {OLD: revision(OLD, "model:1", NOW - 900), NEW: revision(NEW, "model:2")},
        "metrics": (),
        "problem": None,
        "now": NOW,
    }
    return Facts(**{**known, **update})


def told(at: RolloutState, world: dict[str, Any] | None = None, **update: Any) -> dict[str, tuple[str, str]]:
    found = status(facts(at, world, **update), Status(), {}).conditions
    return {condition.type: (condition.status, condition.reason) for condition in found}


def test_after_a_rollback_stable_serves_and_every_tool_sees_a_failure() -> None:
    found = status(facts(state(Phase.ROLLED_BACK)), Status(), {})
    by_type = {condition.type: condition for condition in found.conditions}
    assert {kind: by_type[kind].status for kind in ("Available", "Ready", "Degraded", "Stalled")} == {
        "Available": "True", "Ready": "False", "Degraded": "True", "Stalled": "True",
    }  # fmt: skip
    assert by_type["Degraded"].reason == "CanaryRolledBack"
    assert by_type["Degraded"].message == "ErrorRate: 9 of 10 failed"
    assert "Reconciling" not in by_type
    assert (found.phase, found.reason, found.weight) == ("RolledBack", "ErrorRate", 0)
    assert found.stable is not None
    assert (found.stable.revision, found.canary) == (OLD, None)


@pytest.mark.parametrize("phase", [*Phase])
@pytest.mark.parametrize("problem", [None, PROBLEM])
def test_kstatus_reads_one_of_three_states(phase: Phase, problem: Problem | None) -> None:
    """Reconciling or Stalled or neither, never both; present only while true; Current only when Ready."""
    at = state(phase)
    found = told(at, problem=problem)
    stalled, reconciling = found.get("Stalled"), found.get("Reconciling")
    assert not (stalled and reconciling)
    assert (stalled is not None) == (problem is not None or phase is Phase.ROLLED_BACK)
    assert (reconciling is not None) == (problem is None and phase not in RESTING)
    assert all(value[0] == "True" for value in (stalled, reconciling) if value)
    assert (found["Ready"][0] == "True") == (phase is Phase.STABLE and problem is None)


@pytest.mark.parametrize("phase", [*Phase])
def test_every_condition_is_whole_and_named_once(phase: Phase) -> None:
    found = status(facts(state(phase)), Status(), {}).conditions
    names = [condition.type for condition in found]
    assert len(names) == len(set(names))
    assert {"Ready", "Available", "Progressing", "Degraded", "Paused", "MetricsAvailable", "ImageFixed"} <= set(names)
    for condition in found:
        assert condition.status in {"True", "False", "Unknown"}
        assert condition.reason.isalnum()
        assert condition.reason[0].isupper()
        assert condition.observed_generation == 7


@pytest.mark.parametrize("phase", [*Phase])
def test_progressing_tells_whether_something_is_under_way(phase: Phase) -> None:
    waits = phase in {*RESTING, Phase.QUEUED}
    assert told(state(phase))["Progressing"] == ("False" if waits else "True", phase)


def test_a_rollout_that_waits_for_others_says_for_how_many_and_its_place() -> None:
    """To kstatus it is in progress: it will begin by itself."""
    at = facts(state(Phase.QUEUED), {"target": NEW, "wait": Wait(place=4, running=2, limit=2, namespace="ml")})
    found = status(at, Status(), {})
    words = (
        f"Revision {NEW} waits for its turn: 2 rollouts are in progress in namespace ml and the limit is 2; "
        "it is number 4 of those that wait"
    )
    assert (found.phase, found.reason, found.message) == ("Queued", "Queued", words)
    shown = {condition.type: (condition.status, condition.message) for condition in found.conditions}
    assert shown["Ready"] == ("False", words)
    assert shown["Reconciling"] == ("True", words)
    assert shown["Available"][0] == "True"
    assert (found.stable and found.stable.revision, found.canary, found.weight) == (OLD, None, 0)


def test_a_stable_revision_that_is_not_the_spec_yet_is_not_ready() -> None:
    assert told(state(Phase.STABLE), {"target": NEW})["Ready"][0] == "False"


def test_a_stable_revision_behind_a_route_that_is_not_live_is_not_ready() -> None:
    at = state(Phase.STABLE)
    refused_route = SeenSplit({OLD: 100}, live=False, reason="RouteNotAllowed", problem="Gateway public: no")
    assert told(at, {"split": refused_route})["Ready"] == ("False", "RouteNotAllowed")


def test_the_first_deploy_is_stalled_once_it_is_late() -> None:
    at = state(Phase.INITIALIZING, reason="ProgressDeadlineExceeded", message="no pod was ready")
    found = told(at, {"pods": {OLD: pods(0)}})
    assert found["Stalled"] == ("True", "ProgressDeadlineExceeded")
    assert found["Degraded"] == ("True", "ProgressDeadlineExceeded")
    assert found["Available"][0] == "False"
    assert "Reconciling" not in found


@pytest.mark.parametrize("phase", [Phase.STABLE, *UNDER_TEST, Phase.ROLLING_BACK, Phase.ROLLED_BACK])
def test_available_follows_the_stable_revisions_pods(phase: Phase) -> None:
    at = state(phase)
    assert told(at)["Available"] == ("True", "Serving")
    down = {"pods": {at.stable: Workload(problem="Evicted")}}
    assert told(at, down)["Available"] == ("False", "NoReadyPods")
    assert told(at, down)["Degraded"][0] == "True"


def test_a_takeover_is_available_and_degraded() -> None:
    found = told(state(Phase.STEPPING, takeover=True), {"pods": {OLD: pods(0)}})
    assert found["Available"] == ("True", "StableDown")
    assert found["Degraded"] == ("True", "NoReadyPods")


def test_pods_of_one_revision_with_different_digests_are_reported() -> None:
    moved = Workload(replicas=2, ready=2, digests=frozenset({"sha256:a", "sha256:b"}))
    found = status(facts(state(Phase.STABLE), {"pods": {OLD: moved}}), Status(), {})
    degraded = next(condition for condition in found.conditions if condition.type == "Degraded")
    assert (degraded.status, degraded.reason) == ("True", "DigestsDiffer")
    assert found.stable is not None
    assert found.stable.digests == ["sha256:a", "sha256:b"]


@pytest.mark.parametrize(
    ("image", "fixed"),
    [("model:1.4.0", True), ("model", False), ("model:latest", False), ("host:5000/model", False),
     ("host:5000/model:1", True), ("host:5000/model@sha256:0", True), ("model:latest@sha256:0", True)],
)  # fmt: skip
def test_a_tag_that_can_move_is_warned_about(image: str, fixed: bool) -> None:  # noqa: FBT001
    revisions = {OLD: revision(OLD, image, NOW - 900)}
    assert told(state(Phase.STABLE), revisions=revisions)["ImageFixed"][0] == str(fixed)


PAUSED_STEP = {"rollout": {"steps": [{"weight": 5, "pause": True}]}}


@pytest.mark.parametrize(
    ("at", "parts", "reason"),
    [
        (state(Phase.STEPPING), {"rollout": {"paused": True}}, "PausedBySpec"),
        (state(Phase.STEPPING, paused=True), {}, "PausedByCommand"),
        (state(Phase.STEPPING), PAUSED_STEP, "PausedByStep"),
        (state(Phase.STEPPING, resumed_step=0), PAUSED_STEP, "NotPaused"),
        (state(Phase.PREPARING), PAUSED_STEP, "NotPaused"),
        (state(Phase.STABLE), {}, "NotPaused"),
    ],
)
def test_paused_says_who_can_end_it(at: RolloutState, parts: dict[str, Any], reason: str) -> None:
    assert told(at, spec=spec(**parts))["Paused"] == (str(reason != "NotPaused"), reason)


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        ({"metrics_problem": "Prometheus: down"}, ("False", "MetricsUnavailable")),
        ({"verdict": None}, ("Unknown", "NothingToJudge")),
        ({"verdict": BLIND}, ("False", "TargetDown")),
        ({"verdict": INCONCLUSIVE}, ("True", "Read")),
    ],
)
def test_blind_is_told_apart_from_too_little(world: dict[str, Any], expected: tuple[str, str]) -> None:
    assert told(state(Phase.STEPPING), world)["MetricsAvailable"] == expected


def test_a_blind_hold_is_the_headline() -> None:
    found = status(facts(state(Phase.STEPPING, hold="Blind"), {"verdict": BLIND}), Status(), {})
    assert (found.reason, found.message) == ("AnalysisBlind", "TargetDown: the proxy does not answer")


def test_a_blind_headline_changes_with_its_reason() -> None:
    at = state(Phase.STEPPING, hold="Blind")
    stale = Verdict(Outcome.BLIND, "Stale", "scraped 40 s ago", "latency")
    assert status(facts(at, {"verdict": stale}), Status(), {}).message == "Stale: scraped 40 s ago"
    down = {"verdict": stale, "metrics_problem": "Prometheus: 503"}
    assert status(facts(at, down), Status(), {}).message == "Prometheus: 503"


def test_a_rollout_whose_time_is_over_waits_for_a_person() -> None:
    at, limited = state(Phase.STEPPING, overdue=True), spec(analysis={"maxDuration": "1h"})
    found = told(at, spec=limited)
    assert found["Progressing"] == ("False", "MaxDurationExceeded")
    assert found["Stalled"] == ("True", "MaxDurationExceeded")
    assert found["Degraded"][0] == "False"
    assert "Reconciling" not in found
    shown = status(facts(at, spec=limited), Status(), {})
    assert shown.reason == "MaxDurationExceeded"
    assert "within the 1h of analysis.maxDuration and stays at 5 %" in shown.message

    assert told(at, spec=spec(analysis={"maxDuration": "1h", "onInconclusive": "Promote"}))["Progressing"][0] == "True"
    assert told(at, spec=spec())["Progressing"][0] == "True"
    blind = status(facts(at.model_copy(update={"hold": "Blind"}), {"verdict": BLIND}, spec=limited), Status(), {})
    assert blind.reason == "AnalysisBlind"


def test_a_watch_without_a_control_group_says_so() -> None:
    at = state(Phase.WATCHING, weight=100)
    found = status(facts(at), Status(), {})
    progressing = next(condition for condition in found.conditions if condition.type == "Progressing")
    assert "without a control group" in progressing.message


def test_a_problem_is_told_first_and_names_what_to_do() -> None:
    found = status(facts(state(Phase.STABLE), problem=PROBLEM), Status(), {})
    assert (found.reason, found.message) == (PROBLEM.reason, PROBLEM.message)
    by_type = {condition.type: condition for condition in found.conditions}
    assert {by_type[kind].message for kind in ("Ready", "Degraded", "Stalled")} == {PROBLEM.message}
    assert by_type["Available"].status == "True"


@pytest.mark.parametrize("phase", [*Phase])
def test_the_generation_is_there_from_the_first_write(phase: Phase) -> None:
    found = status(facts(state(phase)), Status(), {})
    assert found.observed_generation == 7


# The numbers


def test_the_canary_column_shows_the_revision_under_test() -> None:
    def shown(phase: Phase) -> tuple[str | None, str | None, int]:
        found = status(facts(state(phase)), Status(), {})
        return (
            found.stable.revision if found.stable else None,
            found.canary.revision if found.canary else None,
            found.weight,
        )

    assert shown(Phase.STABLE) == (OLD, None, 0)
    assert shown(Phase.STEPPING) == (OLD, NEW, 5)
    assert shown(Phase.ROLLING_BACK) == (OLD, NEW, 0)
    at = facts(state(Phase.WATCHING))
    watching = status(at, Status(), {})
    assert watching.stable is not None
    assert watching.canary is None
    assert watching.previous is not None
    assert (watching.stable.revision, watching.previous.revision, watching.weight) == (NEW, OLD, 95)
    assert watching.stable.image == "model:2"


def test_without_a_gateway_the_weight_is_the_real_one() -> None:
    at = state(Phase.STEPPING)
    world = seen(at, gateway=False)
    real = replace(world, split=replace(world.split, weights={OLD: 80, NEW: 20}))
    assert status(facts(at, seen=real), Status(), {}).weight == 20


def test_the_last_metrics_stay_after_a_rollout_and_the_accumulators_go() -> None:
    before = Status(metrics=[MetricStatus(name="error-rate", outcome="Fail", reason="ErrorRate", message="9 of 10")])
    assert status(facts(state(Phase.ROLLED_BACK)), before, {"anchor": 1}).metrics == before.metrics
    assert status(facts(state(Phase.ROLLED_BACK)), before, {"anchor": 1}).judge is None
    assert status(facts(state(Phase.STEPPING)), before, {"anchor": 1}).judge == {"anchor": 1}
    assert status(facts(state(Phase.STEPPING)), before, {}).judge is None


def test_the_history_holds_the_newest_ten_promotions() -> None:
    known = {f"{i:010d}": revision(f"{i:010d}", promoted_at=NOW + i) for i in range(14)}
    found = status(facts(state(Phase.STABLE), revisions={**known, OLD: revision(OLD)}), Status(), {})
    assert [past.revision for past in found.history] == [f"{i:010d}" for i in range(13, 3, -1)]


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"route": {"gateway": "public", "hostnames": ["a.example", "b.example"]}}, "http://a.example/"),
        ({"route": {"gateway": "public", "hostnames": ["a.example"], "paths": ["/v1"]}}, "http://a.example/v1"),
        ({"route": {"gateway": "public"}}, ""),
        ({}, ""),
    ],
)
def test_the_url_is_the_first_host_and_path(parts: dict[str, Any], url: str) -> None:
    wanted = spec(gateway=False, **parts)
    assert status(facts(state(Phase.STABLE), spec=wanted), Status(), {}).url == url


# Transition times


def condition(status: str, at: float, reason: str = "R") -> Condition:
    return Condition(type="Ready", status=status, reason=reason, last_transition_time=at)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], condition("True", 0), NOW),
        ([condition("True", 5)], condition("True", 0, "Other"), 5),
        ([condition("True", 5)], condition("False", 0), NOW),
        ([condition("Unknown", 5)], condition("False", 0), NOW),
    ],
    ids=["new", "only the reason changed", "changed", "was unknown"],
)
def test_the_transition_time_moves_with_the_status_alone(
    before: list[Condition], now: Condition, expected: float
) -> None:
    (merged,) = types.merge(before, [now], NOW)
    assert merged.last_transition_time == expected
    assert (merged.status, merged.reason) == (now.status, now.reason)


def test_the_same_facts_later_give_the_same_status() -> None:
    at = facts(state(Phase.STEPPING))
    first = status(at, Status(), {})
    assert status(replace(at, now=NOW + 500), first, {}) == first


# Bad input


def test_a_refused_spec_keeps_what_is_known_and_says_what_is_wrong() -> None:
    before = status(facts(state(Phase.STEPPING)), Status(), {"anchor": 1})
    after = refused(before, PROBLEM, 8, NOW + 5)
    by_type = {found.type: found for found in after.conditions}
    assert (after.rollout, after.judge, after.stable) == (before.rollout, before.judge, before.stable)
    assert (after.reason, after.message, after.observed_generation) == (PROBLEM.reason, PROBLEM.message, 8)
    assert {by_type[kind].status for kind in ("Degraded", "Stalled")} == {"True"}
    assert by_type["Ready"].status == "False"
    assert by_type["Available"].status == "True"
    assert "Reconciling" not in by_type
    assert len(by_type) == len(after.conditions)


def test_a_refused_first_spec_has_a_phase() -> None:
    assert refused(Status(), PROBLEM, 1, NOW).phase == "Initializing"


# Size


def crowded(long: str) -> Status:
    numbers = {
        name: 1.234e-67 for name, field in MetricStatus.model_fields.items() if field.annotation == float | None
    } | dict.fromkeys(["canary_requests", "canary_errors", "stable_requests", "stable_errors"], 10**9)
    told = {"outcome": "Inconclusive", "reason": "NotOneNumberAtAll", "message": long}
    queries = [MetricStatus(name=f"metric-{i}" + "n" * 50, source="Query", value=1.2345e-67, **told) for i in range(10)]
    means = [MetricStatus(name=f"mean-{i}" + "n" * 50, source="Pods", **told, **numbers) for i in range(5)]
    rates = [
        MetricStatus(name=name, source="Gateway", dispersion_source="Configured", **told, **numbers)
        for name in ("error-rate", "latency", "latency-objective")
    ]
    at = state(
        Phase.ROLLING_BACK, failed=[failure(f"{i:010d}").model_copy(update={"message": long[:MAX_PAST_MESSAGE]}) for i in range(10)],
        weights=weights(*[95] * MAX_WEIGHTS), message=long[:MAX_MESSAGE], last_command="abort/" + "x" * (MAX_COMMAND - 6),
    )  # fmt: skip
    model = {
        "uri": "s3://" + "u" * 1000,
        "format": "f" * 63,
        "version": "v" * 128,
        "gitCommit": "a" * 64,
        "dataVersion": "d" * 128,
    }
    made = {"model": model, "resolved": {"uri": model["uri"], "version": "7"}}
    known = {
        f"{i:010d}": replace(
            revision(f"{i:010d}", "registry.example/team/model:1.2.3", NOW + i), runtime="r" * 63, model=made
        )
        for i in range(14)
    }
    live = {name: replace(revision(name), runtime="r" * 63, model=made) for name in (OLD, NEW)}
    problem = Workload(problem=long, digests=frozenset(f"sha256:{i:064d}" for i in range(9)))
    world = {"pods": {OLD: problem, NEW: problem}, "metrics_problem": long}
    return status(
        facts(at, world, revisions={**known, **live}, metrics=[*rates, *means, *queries]),
        Status(), {},
    )  # fmt: skip


def test_the_status_stays_under_27_kib_with_everything_in_it_at_its_longest() -> None:
    wire = crowded("long message " * 10_000).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert len(wire["metrics"]) == 18
    assert len(wire["rollout"]["failed"]) == 10
    assert len(json.dumps(wire)) < 24 * 1024  # 27 KiB with 3 for the accumulators


def test_the_status_survives_the_wire() -> None:
    before = crowded("message")
    wire = json.loads(json.dumps(before.model_dump(mode="json", by_alias=True, exclude_none=True)))
    assert Status.model_validate(wire) == before


UNCOUNTED = Verdict(Outcome.INCONCLUSIVE, NOTHING_COUNTED, "No request of either side was counted in a_total.")


@pytest.mark.parametrize(("seconds", "reason", "available"), [(30, "Stepping", "True"), (60, NOTHING_COUNTED, "False")])
def test_counters_that_do_not_show_up_are_told_after_a_minute(seconds: float, reason: str, available: str) -> None:
    at = state(Phase.STEPPING, hold="Inconclusive", hold_since=NOW - seconds, live_since=NOW - seconds)
    found = status(facts(at, {"verdict": UNCOUNTED}), Status(), {})
    assert found.reason == reason
    metrics = next(condition for condition in found.conditions if condition.type == "MetricsAvailable")
    assert (metrics.status, metrics.message) == (available, UNCOUNTED.message)


def test_status_tells_of_models_live_and_past() -> None:
    made = {"model": {"uri": "s3://a/b", "format": "sklearn", "version": "7"}, "resolved": {"uri": "s3://a/b"}}
    known = {OLD: replace(revision(OLD, promoted_at=NOW - 900), runtime="mlserver", model=made), NEW: revision(NEW)}
    found = status(facts(state(Phase.STABLE), revisions=known), Status(), {})
    assert found.stable is not None
    assert found.stable.model is not None
    assert (found.stable.runtime, found.stable.model.uri, found.stable.model.version) == ("mlserver", "s3://a/b", "7")
    (past,) = found.history
    assert past.model is not None
    assert (past.model.uri, past.model.version) == (None, "7"), "an address can be long"


@pytest.mark.parametrize(("phase", "kept"), [*((phase, {"anchor": 5.0}) for phase in UNDER_TEST), (Phase.STABLE, None)])
def test_what_the_judge_keeps_outlives_an_answer_that_cannot_be_read(phase: Phase, kept: Any) -> None:
    before, at = Status(judge={"anchor": 5.0}), facts(state(phase))
    assert status(at, before, {}).judge == kept
    assert status(at, before, {"anchor": 6.0}).judge == (kept and {"anchor": 6.0})
