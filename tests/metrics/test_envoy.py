"""Which Envoy counters belong to which place of a route, and what they count."""

from __future__ import annotations

import re

import pytest

from serinus.metrics import envoy

PLACE = "httproute/models/recommender/rule/0/backend/"
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
        ("grpcroute/models/recommender/rule/0/backend/0", None),
        (f"x{PLACE}0", None),
        ("", None),
    ],
)
def test_a_series_belongs_to_a_place_of_its_own_route_alone(cluster: str, expected: int | None) -> None:
    assert envoy.place({"envoy_cluster_name": cluster}, "models", "recommender") == expected


def test_a_series_without_a_cluster_belongs_nowhere() -> None:
    assert envoy.place({}, "models", "recommender") is None


@pytest.mark.parametrize(
    ("code", "error"), [("5", True), ("4", False), ("3", False), ("2", False), ("1", False), ("", False)]
)
def test_only_the_servers_faults_are_errors(code: str, error: bool) -> None:  # noqa: FBT001
    assert envoy.is_error({"envoy_response_code_class": code}) is error


@pytest.mark.parametrize(("family", "counted"), [(XX, True), ("envoy_cluster_upstream_rq_total", False), ("up", False)])
def test_answers_are_counted_once(family: str, counted: bool) -> None:  # noqa: FBT001
    """`_total` counts the same requests again: it only shows that a backend is there."""
    assert envoy.counts({"__name__": family}) is counted


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
        ("grpcroute/models/recommender/rule/0/backend/0", None),
        ("httproute/models/recommender/rule/0", None),
        ("", None),
    ],
)
def test_a_cluster_names_its_route(cluster: str, owner: tuple[str, str] | None) -> None:
    assert envoy.route(cluster) == owner
