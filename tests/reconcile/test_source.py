"""Where a rollout's numbers are looked for, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from serinus.analysis import Arm
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics import envoy
from serinus.reconcile.source import NoSource, Subject, choose

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"


def subject(source: Source, slot: int = 0, metrics: RuntimeMetrics | None = None) -> Subject:
    return Subject("models", "recommender", OLD, NEW, slot, source, metrics or RuntimeMetrics())


@pytest.mark.parametrize("slot", [0, 1])
def test_a_place_of_the_route_is_an_arm_by_stables_slot(slot: int) -> None:
    first, second = (Arm.STABLE, Arm.CANARY) if slot == 0 else (Arm.CANARY, Arm.STABLE)
    kinds = [f"{kind}/models/recommender/rule/0/backend/" for kind in ("httproute", "grpcroute")]
    wanted = {f"{prefix}{place}": arm for prefix in kinds for place, arm in enumerate((first, second))}
    assert subject(Source.GATEWAY, slot).clusters == wanted


@pytest.mark.parametrize(("revision", "arm"), [(OLD, Arm.STABLE), (NEW, Arm.CANARY), ("cccccccccc", None)])
def test_a_pod_is_an_arm_by_its_revision(revision: str, arm: Arm | None) -> None:
    labels = {"namespace": "models", "pod": f"recommender-{revision}-7d9f8b6c5d-x2z4q"}
    assert subject(Source.PODS).pod_arm(labels) is arm
    assert subject(Source.PODS).pod_arm({**labels, "namespace": "other"}) is None


def test_each_family_has_one_selector_for_all_rollouts_and_one_of_its_own() -> None:
    gateway, pods = subject(Source.GATEWAY), subject(Source.PODS)
    assert gateway.errors.shared == envoy.SELECTOR
    assert gateway.latency.shared == envoy.LATENCY_SELECTOR
    assert "http_requests_total" in pods.errors.shared
    assert "http_request_duration_seconds|http_request_duration_seconds_bucket" in pods.latency.shared
    for made in (gateway.errors, gateway.latency, pods.errors, pods.latency):
        assert "recommender" in made.own
        assert "recommender" not in made.shared


def test_a_mean_is_always_looked_for_in_pods() -> None:
    squares = SimpleNamespace(count="views", sum="revenue", sumsq="revenue_sq", unit=None)
    by_unit = SimpleNamespace(count="views", sum="clicks", sumsq=None, unit="bucket")
    for source in (Source.GATEWAY, Source.PODS):
        assert '__name__=~"up|views|revenue|revenue_sq",pod' in subject(source).mean(squares).shared
        assert '__name__=~"up|views|clicks",namespace="models"' in subject(source).mean(by_unit).own


DECLARED = RuntimeMetrics()
NO_HISTOGRAM = RuntimeMetrics(latency="")


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
    assert choose(wanted, controller, [metrics] if metrics else []) is expected


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
        choose(wanted, controller, [metrics] if metrics else [])


def test_the_message_names_the_part_of_the_spec_that_asked() -> None:
    with pytest.raises(NoSource, match=r"spec\.analysis\.latency\.source is Gateway"):
        choose(Source.GATEWAY, "", [DECLARED], "latency")


def test_a_container_without_a_histogram_is_judged_by_the_gateways_latency() -> None:
    assert choose(Source.AUTO, "", [DECLARED, NO_HISTOGRAM]) is Source.PODS
    assert choose(Source.AUTO, envoy.CONTROLLER, [DECLARED, NO_HISTOGRAM], "latency") is Source.GATEWAY
    with pytest.raises(NoSource, match=r"runtime\.metrics\.latency"):
        choose(Source.AUTO, "", [DECLARED, NO_HISTOGRAM], "latency")
    with pytest.raises(NoSource, match=r"runtime\.metrics\.latency"):
        choose(Source.PODS, envoy.CONTROLLER, [DECLARED, NO_HISTOGRAM], "latency")


def test_a_pair_of_counters_is_asked_for_together() -> None:
    pair = RuntimeMetrics(requests="fine_total", failures="failed_total")
    assert '__name__=~"up|fine_total|failed_total"' in subject(Source.PODS, metrics=pair).errors.own


def test_arms_of_two_runtimes_are_asked_for_by_the_names_of_both() -> None:
    both = replace(
        subject(Source.PODS, metrics=RuntimeMetrics(requests="new_total", latency="new_seconds")),
        stable_metrics=DECLARED,
    )
    assert '__name__=~"up|http_requests_total|new_total"' in both.errors.own
    for family in (
        "http_request_duration_seconds",
        "http_request_duration_seconds_bucket",
        "new_seconds",
        "new_seconds_bucket",
    ):
        assert family in both.latency.own


def test_counters_of_grpc_are_asked_for_beside_those_of_http() -> None:
    both = subject(Source.PODS, metrics=RuntimeMetrics.model_validate({"grpc": {}}))
    assert '__name__=~"up|http_requests_total|grpc_server_handled_total"' in both.errors.own
    assert "grpc_server_handling_seconds_bucket" in both.latency.own


def test_a_histogram_of_one_protocol_alone_does_not_do() -> None:
    half = RuntimeMetrics.model_validate({"grpc": {"latency": ""}})
    with pytest.raises(NoSource, match=r"runtime\.metrics\.latency"):
        choose(Source.PODS, "", [half, half], "latency")


def test_the_message_names_the_counters_of_the_protocol_that_lacks_them() -> None:
    with pytest.raises(NoSource, match=r"or spec\.runtime\.metrics\.grpc with the name"):
        choose(Source.AUTO, "", [], section="runtime.metrics.grpc")
