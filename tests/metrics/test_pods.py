"""Counters of the containers themselves: found by the pod's name, read by the names that people gave."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.protocol import Protocol
from serinus.api.runtime import RequestMetrics
from serinus.api.v1alpha1 import MAX_NAME, RuntimeMetrics
from serinus.metrics import pods

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
DEFAULTS = RuntimeMetrics()
REQUESTS = pods.requests(DEFAULTS)
OWN = RuntimeMetrics(requests="answers_total", status_label="code", errors="5..|429")


def pod_name(model: str, revision: str, replica_set: str = "7d9f8b6c5d", suffix: str = "x2z4q") -> str:
    """Return the name that Kubernetes gives a pod: what it is made from is cut at 58 characters."""
    return f"{model}-{revision}-{replica_set}-"[:58] + suffix


def picks(selector: str, labels: dict[str, str]) -> bool:
    for name, operator, pattern in re.findall(r'(\w+)(=~|=)"([^"]*)"', selector):
        value = labels.get(name, "")
        if not (re.fullmatch(pattern, value) if operator == "=~" else value == pattern):
            return False
    return True


@pytest.mark.parametrize("length", [1, 10, 33, 34, 35, 36, 40, 45, MAX_NAME])
def test_pods_of_models_with_names_of_any_length_are_found(length: int) -> None:
    model = "m" * length
    labels = {"__name__": "http_requests_total", "namespace": "models", "pod": pod_name(model, OLD)}
    assert picks(pods.selector(*REQUESTS), labels)
    assert picks(pods.selector_of("models", model, *REQUESTS), labels)
    assert pods.revision_of(labels, "models", model, [NEW, OLD]) == OLD


@pytest.mark.parametrize(
    ("labels", "revision"),
    [
        ({"namespace": "models", "pod": pod_name("recommender", OLD)}, OLD),
        ({"namespace": "models", "pod": pod_name("recommender", NEW)}, NEW),
        ({"namespace": "models", "pod": pod_name("recommender", "cccccccccc")}, None),
        ({"namespace": "other", "pod": pod_name("recommender", OLD)}, None),
        ({"namespace": "models", "pod": pod_name("recommender-2", OLD)}, None),
        ({"namespace": "models", "pod": pod_name("my-recommender", OLD)}, None),
        ({"namespace": "models"}, None),
        ({"pod": pod_name("recommender", OLD)}, None),
        ({}, None),
    ],
)
def test_a_series_belongs_to_the_revision_that_its_pod_names(labels: dict[str, str], revision: str | None) -> None:
    assert pods.revision_of(labels, "models", "recommender", [OLD, NEW]) == revision


def test_the_selector_of_one_model_leaves_out_namesakes() -> None:
    own = pods.selector_of("models", "recommender", *REQUESTS)
    family = {"__name__": "up", "namespace": "models"}
    assert picks(own, {**family, "pod": pod_name("recommender", OLD)})
    assert not picks(own, {**family, "pod": pod_name("recommender-2", OLD)})
    assert not picks(own, {**family, "namespace": "other", "pod": pod_name("recommender", OLD)})


def test_the_counter_has_the_name_that_the_runtime_declares() -> None:
    labels = {"namespace": "models", "pod": pod_name("recommender", OLD)}
    for made in (pods.selector(*pods.requests(OWN)), pods.selector_of("models", "recommender", *pods.requests(OWN))):
        assert picks(made, {**labels, "__name__": "answers_total"})
        assert picks(made, {**labels, "__name__": "up"})
        assert not picks(made, {**labels, "__name__": "http_requests_total"})


@pytest.mark.parametrize(
    ("metrics", "labels", "error"),
    [
        (DEFAULTS, {"status": "500"}, True),
        (DEFAULTS, {"status": "599"}, True),
        (DEFAULTS, {"status": "200"}, False),
        (DEFAULTS, {"status": "5000"}, False),
        (DEFAULTS, {"status": "1500"}, False),
        (DEFAULTS, {"code": "500"}, False),
        (DEFAULTS, {}, False),
        (OWN, {"code": "429"}, True),
        (OWN, {"code": "503"}, True),
        (OWN, {"status": "503"}, False),
    ],
)
def test_errors_are_the_statuses_that_the_whole_expression_matches(
    metrics: RuntimeMetrics,
    labels: dict[str, str],
    error: bool,  # noqa: FBT001
) -> None:
    assert pods.is_error(labels, metrics) is error


@pytest.mark.parametrize(
    ("pod", "models"),
    [
        ("shop-aaaaaaaaaa-7bcdf-x2z4q", ["shop"]),
        ("my-shop-2-0123456789-7bcdf-x2z4q", ["my-shop-2"]),
        ("shop-aaaaaaaaaa-7d9f8b6c5d-x2z4q", ["shop", "shop-aaaaaaaaaa"]),
        ("aaaaaaaaaa-bbbbbbbbbb-x2z4q", ["aaaaaaaaaa"]),
        ("shop-aaaaaaaaaa", []),
        ("shop-aaaaaaaaa-7bcdf-x2z4q", []),
        ("shop-AAAAAAAAAA-7bcdf-x", []),
        ("", []),
    ],
)
def test_a_pod_names_the_models_that_it_may_belong_to(pod: str, models: list[str]) -> None:
    assert pods.models(pod) == models


@given(
    st.from_regex(r"[a-z]([-a-z0-9]{0,44}[a-z0-9])?", fullmatch=True), st.from_regex(r"[0-9a-f]{10}", fullmatch=True)
)
def test_the_model_is_always_among_them(model: str, revision: str) -> None:
    assert model in pods.models(pod_name(model, revision))


def test_histograms_are_found_in_both_forms() -> None:
    made = pods.selector(*pods.histograms(DEFAULTS))
    labels = {"pod": pod_name("recommender", OLD)}
    for family in ("up", "http_request_duration_seconds", "http_request_duration_seconds_bucket"):
        assert picks(made, {**labels, "__name__": family})
    assert not picks(made, {**labels, "__name__": "http_request_duration_seconds_sum"})


def test_a_pair_of_counters_tells_fine_from_failed_answers() -> None:
    pair = RuntimeMetrics(requests="nv_inference_request_success", failures="nv_inference_request_failure")
    made = pods.selector(*pods.requests(pair))
    for name, error in (("nv_inference_request_success", False), ("nv_inference_request_failure", True)):
        labels = {"__name__": name, "pod": pod_name("recommender", OLD), "status": "500"}
        assert picks(made, labels)
        assert pods.is_error(labels, pair) is error


@pytest.mark.parametrize(
    ("labels", "counted"),
    [
        ({"handler": "/predict"}, True),
        ({"handler": "/health"}, False),
        ({"handler": "/health/ready"}, False),
        ({"handler": "/predict/health"}, True),
        ({}, True),
        ({"handler": "metrics", "exported_handler": "/health"}, False),
        ({"handler": "/health", "exported_handler": "/predict"}, True),
    ],
)
def test_probes_can_be_left_out(labels: dict[str, str], counted: bool) -> None:  # noqa: FBT001
    """Prometheus renames a container's label that the target has too."""
    metrics = RuntimeMetrics.model_validate({"exclude": {"label": "handler", "values": "/health.*"}})
    assert pods.counts(labels, metrics) is counted
    assert pods.counts(labels, DEFAULTS)


BOTH = frozenset(Protocol)


def of_grpc(raw: dict[str, object], protocols: frozenset[Protocol] = BOTH) -> RequestMetrics:
    return pods.parts(pods.of_protocols(RuntimeMetrics.model_validate(raw), protocols))[-1]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("OK", False),
        ("Unknown", True),
        ("DataLoss", True),
        ("DATA_LOSS", True),
        ("DEADLINE_EXCEEDED", True),
        ("DeadlineExceeded", True),
        ("Internal", True),
        ("UNAVAILABLE", True),
        ("INVALID_ARGUMENT", False),
        ("NotFound", False),
        ("Canceled", False),
    ],
)
def test_the_usual_codes_of_grpc_in_the_spellings_of_go_and_python(code: str, error: bool) -> None:  # noqa: FBT001
    usual = of_grpc({"grpc": {}})
    assert pods.requests(usual) == ("grpc_server_handled_total",)
    assert pods.latency(usual) == "grpc_server_handling_seconds"
    assert pods.is_error({"grpc_code": code}, usual) is error


def test_health_checks_of_grpc_are_left_out_unless_something_else_is() -> None:
    health, other = {"grpc_service": "grpc.health.v1.Health"}, {"grpc_service": "inference.GRPCInferenceService"}
    assert [pods.counts(labels, of_grpc({"grpc": {}})) for labels in (health, other)] == [False, True]
    own = of_grpc({"grpc": {"exclude": {"label": "grpc_method", "values": "Check"}}})
    assert pods.counts(health, own)


@pytest.mark.parametrize(
    ("protocols", "names"),
    [
        ({Protocol.HTTP}, ["http_requests_total"]),
        ({Protocol.GRPC}, ["grpc_server_handled_total"]),
        (BOTH, ["http_requests_total", "grpc_server_handled_total"]),
    ],
)
def test_only_the_protocols_that_a_container_serves_are_counted(protocols: set[Protocol], names: list[str]) -> None:
    found = pods.of_protocols(RuntimeMetrics.model_validate({"port": 9090, "grpc": {}}), protocols)
    assert [name for part in pods.parts(found) for name in pods.requests(part)] == names


@pytest.mark.parametrize(("unit", "seconds"), [(None, 1.0), ("s", 1.0), ("ms", 0.001), ("us", 0.000001)])
def test_the_unit_of_a_histogram(unit: str | None, seconds: float) -> None:
    assert pods.unit(RuntimeMetrics.model_validate({"latencyUnit": unit})) == seconds
