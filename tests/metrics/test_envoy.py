"""Which Envoy counters belong to which place of a route, and what they count."""

from __future__ import annotations

import re

import pytest

from serinus.metrics import envoy

PLACE = "httproute/models/recommender/rule/0/backend/"
GRPC_PLACE = "grpcroute/models/recommender/rule/0/backend/"
XX = "envoy_cluster_upstream_rq_xx"


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        (f"{PLACE}0", 0),
        (f"{PLACE}1", 1),
        (f"{PLACE}2", None),
        (f"{PLACE}10", None),
        (PLACE, None),
        ("httproute/models/recommender/rule/1/backend/0", None),
        ("httproute/models/recommender-2/rule/0/backend/0", None),
        ("httproute/other/recommender/rule/0/backend/0", None),
        (f"{GRPC_PLACE}0", 0),
        (f"{GRPC_PLACE}1", 1),
        ("tlsroute/models/recommender/rule/0/backend/0", None),
        (f"x{PLACE}0", None),
        ("", None),
    ],
)
def test_a_cluster_belongs_to_a_place_of_its_own_routes_alone(cluster: str, expected: int | None) -> None:
    assert envoy.clusters("models", "recommender").get(cluster) == expected


@pytest.mark.parametrize(
    ("code", "error"), [("5", True), ("4", False), ("3", False), ("2", False), ("1", False), ("", False)]
)
def test_only_the_servers_faults_are_errors(code: str, error: bool) -> None:  # noqa: FBT001
    assert envoy.is_error({"envoy_response_code_class": code}) is error


@pytest.mark.parametrize(("family", "counted"), [(XX, True), ("envoy_cluster_upstream_rq_total", False), ("up", False)])
def test_answers_are_counted_once(family: str, counted: bool) -> None:  # noqa: FBT001
    """`_total` counts the same requests again: it only shows that a backend is there."""
    assert envoy.counts({"__name__": family}) is counted


def code(method: str, number: int) -> dict[str, str]:
    return {"__name__": f"envoy_cluster_grpc_{method}{number}", "envoy_cluster_name": f"{GRPC_PLACE}0"}


def by_class(digit: str) -> dict[str, str]:
    return {"__name__": XX, "envoy_response_code_class": digit, "envoy_cluster_name": f"{GRPC_PLACE}0"}


@pytest.mark.parametrize("method", ["ModelInfer_", "PredictionService_Predict_", "Infer_2_", ""])
@pytest.mark.parametrize("number", range(17))
def test_grpc_is_judged_by_its_own_codes(method: str, number: int) -> None:
    """Of a name with dots Envoy leaves a part in the family; a caller's mistake is no fault of the server."""
    labels = code(method, number)
    assert envoy.counts(labels)
    assert envoy.has_code(labels)
    assert envoy.is_error(labels) is (number in {2, 4, 8, 10, 12, 13, 14, 15})
    assert matches(envoy.SELECTOR, labels)


@pytest.mark.parametrize("suffix", ["total", "success", "failure", "request_message_count", "upstream_rq_time_bucket"])
def test_what_sums_grpc_up_is_not_counted_again(suffix: str) -> None:
    labels = {**code("ModelInfer_", 0), "__name__": f"envoy_cluster_grpc_ModelInfer_{suffix}"}
    assert not envoy.counts(labels)
    assert not matches(envoy.SELECTOR, labels)


@pytest.mark.parametrize(("digit", "counted"), [("2", False), ("3", False), ("4", True), ("5", False)])
def test_the_status_of_http_tells_of_grpc_only_that_it_is_none(digit: str, counted: bool) -> None:  # noqa: FBT001
    """Every gRPC answer is a 200; a 5xx is what the proxy says itself, and counts by its gRPC code too."""
    assert envoy.counts(by_class(digit)) is counted
    assert envoy.called(by_class(digit)) is (digit == "2")
    assert not counted or envoy.is_error(by_class(digit))


def matches(selector: str, labels: dict[str, str]) -> bool:
    """Tell whether a selector of regular expressions picks a series, as Prometheus does."""
    wanted = re.findall(r'(\w+)=~"([^"]*)"', selector)
    assert len(wanted) == selector.count("=~")
    return all(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in wanted)


@pytest.mark.parametrize("selector", [envoy.SELECTOR, envoy.selector_of("models", "recommender")])
def test_one_query_finds_the_counters_and_when_their_targets_were_scraped(selector: str) -> None:
    assert matches(selector, {"__name__": XX, "envoy_cluster_name": f"{PLACE}0"})
    assert matches(selector, {"__name__": "envoy_cluster_upstream_rq_total", "envoy_cluster_name": f"{PLACE}1"})
    assert matches(selector, {"__name__": "up"})
    assert not matches(selector, {"__name__": XX, "envoy_cluster_name": "xds_cluster"})
    assert not matches(selector, {"__name__": "envoy_cluster_upstream_rq_time", "envoy_cluster_name": f"{PLACE}0"})


def test_the_selector_of_one_route_leaves_out_all_others() -> None:
    own = envoy.selector_of("models", "recommender")
    for other in ("httproute/models/recommender-2/rule/0/backend/0", "httproute/other/recommender/rule/0/backend/0"):
        assert matches(envoy.SELECTOR, {"__name__": XX, "envoy_cluster_name": other})
        assert not matches(own, {"__name__": XX, "envoy_cluster_name": other})


@pytest.mark.parametrize(
    ("le", "wanted"),
    [
        ("1", True), ("1.0", True), ("2.5", True), ("25.0", True), ("60000.0", True), ("60000", True), ("+Inf", True), ("", True),
        ("0.5", False), ("300000.0", False), ("3.6e+06", False), ("100000", False), ("Inf", False), ("1x0", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("selector", [envoy.LATENCY_SELECTOR, envoy.latency_selector_of("models", "recommender")])
def test_only_useful_bounds_are_asked_for(selector: str, le: str, wanted: bool) -> None:  # noqa: FBT001
    series = {"__name__": "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_name": f"{PLACE}0", "le": le}
    assert matches(selector.replace("\\\\", "\\"), series) is wanted


@pytest.mark.parametrize("selector", [envoy.LATENCY_SELECTOR, envoy.latency_selector_of("models", "recommender")])
def test_durations_come_with_the_times_of_their_scrapes(selector: str) -> None:
    assert matches(selector, {"__name__": "up"})
    native = {"__name__": "envoy_cluster_upstream_rq_time", "envoy_cluster_name": f"{PLACE}0"}
    assert matches(selector, native)
    assert not matches(selector, {**native, "__name__": "envoy_cluster_upstream_rq_time_count"})
    assert not matches(selector, {**native, "envoy_cluster_name": "xds_cluster"})


@pytest.mark.parametrize(
    ("cluster", "owner"),
    [
        (f"{PLACE}0", ("models", "recommender")),
        (f"{PLACE}1", ("models", "recommender")),
        ("httproute/models/recommender/rule/1/backend/0", None),
        (f"{GRPC_PLACE}0", ("models", "recommender")),
        ("tlsroute/models/recommender/rule/0/backend/0", None),
        ("httproute/models/recommender/rule/0", None),
        ("", None),
    ],
)
def test_a_cluster_names_its_route(cluster: str, owner: tuple[str, str] | None) -> None:
    assert envoy.route(cluster) == owner
