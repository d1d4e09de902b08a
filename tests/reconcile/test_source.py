"""From series to arms: which counts are stable's, which the canary's, and which targets are waited for."""

from __future__ import annotations

from typing import Any

import pytest

from serinus.analysis import Arm
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics import envoy
from serinus.metrics.series import Series
from serinus.reconcile.source import DEFAULT_INTERVAL, NoSource, Subject, choose, window

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
START, NOW = 1000.0, 1060.0


def subject(source: Source, **update: Any) -> Subject:
    return Subject("models", "recommender", OLD, NEW, update.pop("stable_slot", 0), source, **update)


def proxy(place: int, code: str = "2", target: str = "p1", name: str = "envoy_cluster_upstream_rq_xx") -> Series:
    labels = {
        "__name__": name, "job": "envoy", "instance": target, "envoy_response_code_class": code,
        "envoy_cluster_name": f"httproute/models/recommender/rule/0/backend/{place}",
    }  # fmt: skip
    return Series(labels, ((1010.0, 1.0), (1020.0, 2.0)))


def up(target: str, *times: float, job: str = "envoy", **labels: str) -> Series:
    return Series({"__name__": "up", "job": job, "instance": target, **labels}, tuple((at, 1.0) for at in times))


def pod(revision: str, status: str = "200", number: int = 1) -> tuple[Series, Series]:
    name = f"recommender-{revision}-7d9f8b6c5d-0000{number}"
    labels = {"job": "pods", "instance": name, "namespace": "models", "pod": name}
    counter = Series({**labels, "__name__": "http_requests_total", "status": status}, ((1010.0, 5.0),))
    return counter, Series({**labels, "__name__": "up"}, ((1010.0, 1.0), (1020.0, 1.0)))


@pytest.mark.parametrize("slot", [0, 1])
def test_a_place_of_the_route_is_an_arm_by_stables_slot(slot: int) -> None:
    seen = window(subject(Source.GATEWAY, stable_slot=slot), [proxy(0), proxy(1), up("p1", 1010)], START, NOW)
    arms = {("backend/0" in counter.key): counter.arm for counter in seen.counters}
    assert arms == {True: Arm.STABLE if slot == 0 else Arm.CANARY, False: Arm.CANARY if slot == 0 else Arm.STABLE}
    assert (seen.start, seen.now) == (START, NOW)


def test_errors_are_answers_of_the_fifth_class() -> None:
    seen = window(subject(Source.GATEWAY), [proxy(1, "5"), proxy(1, "2"), proxy(1, "4"), up("p1", 1010)], START, NOW)
    assert sorted(counter.error for counter in seen.counters) == [False, False, True]


def test_a_request_is_counted_once_and_an_idle_backend_still_has_a_target() -> None:
    total = proxy(1, name="envoy_cluster_upstream_rq_total")
    seen = window(subject(Source.GATEWAY), [total, up("p1", 1010)], START, NOW)
    assert seen.counters == ()
    assert [target.name for target in seen.targets] == ["envoy/p1"]


def test_a_proxy_reports_both_arms_and_other_targets_are_left_out() -> None:
    seen = window(
        subject(Source.GATEWAY), [proxy(0), up("p1", 1010), up("elsewhere", 1010), up("p2", 1010)], START, NOW
    )
    assert [(target.name, target.arm, target.live) for target in seen.targets] == [("envoy/p1", None, True)]


@pytest.mark.parametrize(("newest", "live"), [(1060, True), (1030, True), (1029, False), (1000, False)])
def test_a_proxy_that_stopped_answering_is_not_waited_for_for_ever(newest: float, live: bool) -> None:  # noqa: FBT001
    """Three scrape intervals of ten seconds behind the newest."""
    dead = up("p2", *(at for at in (980, 990, 1000, newest) if at <= newest))
    answer = [proxy(0), proxy(0, target="p2"), up("p1", 1030, 1040, 1050, 1060), dead]
    seen = window(subject(Source.GATEWAY), answer, START, NOW)
    assert {target.name: target.live for target in seen.targets} == {"envoy/p1": True, "envoy/p2": live}


def test_when_all_proxies_are_silent_they_stay_expected() -> None:
    """An outage of everything is Blind, not an empty cluster."""
    seen = window(subject(Source.GATEWAY), [proxy(0), up("p1", 900, 910)], START, NOW)
    assert [target.live for target in seen.targets] == [True]


def test_pods_are_arms_by_their_revision() -> None:
    answer = [*pod(OLD), *pod(NEW), *pod(NEW, "500", 2), *pod("cccccccccc")]
    live = frozenset({f"recommender-{NEW}-7d9f8b6c5d-00001", f"recommender-{OLD}-7d9f8b6c5d-00001"})
    seen = window(subject(Source.PODS, live_pods=live), answer, START, NOW)
    assert sorted((counter.arm, counter.error) for counter in seen.counters) == [
        (Arm.CANARY, False), (Arm.CANARY, True), (Arm.STABLE, False),
    ]  # fmt: skip
    assert sorted((target.arm or "", target.live) for target in seen.targets) == [
        (Arm.CANARY, False), (Arm.CANARY, True), (Arm.STABLE, True),
    ]  # fmt: skip
    assert {counter.target for counter in seen.counters} == {target.name for target in seen.targets}


def test_a_pod_without_a_counter_yet_is_a_target() -> None:
    seen = window(subject(Source.PODS), [pod(NEW)[1]], START, NOW)
    assert (seen.counters, [target.arm for target in seen.targets]) == ((), [Arm.CANARY])


def test_the_runtime_says_what_an_error_is() -> None:
    declared = RuntimeMetrics(errors="429")
    seen = window(subject(Source.PODS, metrics=declared), [*pod(NEW, "429"), *pod(NEW, "500", 2)], START, NOW)
    assert sorted(counter.error for counter in seen.counters) == [False, True]


@pytest.mark.parametrize(
    ("times", "interval"),
    [((), DEFAULT_INTERVAL), ((1000,), DEFAULT_INTERVAL), ((1000, 1005), 5), ((1000, 1005, 1010, 1060), 5)],
)
def test_the_scrape_interval_is_the_usual_gap(times: tuple[float, ...], interval: float) -> None:
    proxies = [up("p1", *times)] if times else []
    assert window(subject(Source.GATEWAY), [proxy(0), *proxies], START, NOW).interval == interval


def test_an_empty_answer_is_an_empty_window() -> None:
    seen = window(subject(Source.GATEWAY), [], START, NOW)
    assert (seen.counters, seen.targets) == ((), ())


DECLARED = RuntimeMetrics()


@pytest.mark.parametrize(
    ("wanted", "controller", "metrics", "expected"),
    [
        (Source.AUTO, envoy.CONTROLLER, None, Source.GATEWAY),
        (Source.AUTO, envoy.CONTROLLER, DECLARED, Source.GATEWAY),
        (Source.AUTO, "example.com/other", DECLARED, Source.PODS),
        (Source.AUTO, "", DECLARED, Source.PODS),
        (Source.GATEWAY, envoy.CONTROLLER, DECLARED, Source.GATEWAY),
        (Source.PODS, envoy.CONTROLLER, DECLARED, Source.PODS),
    ],
)
def test_the_gateways_counters_come_first(
    wanted: Source, controller: str, metrics: RuntimeMetrics | None, expected: Source
) -> None:
    assert choose(wanted, controller, metrics) is expected


@pytest.mark.parametrize(
    ("wanted", "controller", "metrics", "remedy"),
    [
        (Source.AUTO, "", None, "add spec.route with an Envoy Gateway, or spec.runtime.metrics"),
        (Source.AUTO, "example.com/other", None, "spec.runtime.metrics"),
        (Source.GATEWAY, "", DECLARED, "spec.analysis.errorRate.source is Gateway"),
        (Source.PODS, envoy.CONTROLLER, None, "spec.analysis.errorRate.source is Pods"),
    ],
)
def test_without_counters_the_message_says_what_to_add(
    wanted: Source, controller: str, metrics: RuntimeMetrics | None, remedy: str
) -> None:
    with pytest.raises(NoSource, match=remedy):
        choose(wanted, controller, metrics)
