"""What the benchmark of scale makes up must be right, or its figures are about nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.scale import report
from bench.scale.pages import total
from bench.scale.traffic import REQUESTS, Traffic
from bench.scale.usage import cpu_seconds, resident_mib

KEY = ("team-0", "model-0")
CLUSTER = "httproute/team-0/model-0/rule/0/backend/"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def route(*backends: tuple[str, int]) -> dict[str, object]:
    references = [{"name": name, "weight": weight} for name, weight in backends]
    return {"spec": {"parentRefs": [{"name": "public-3"}], "rules": [{"backendRefs": references}]}}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    return Traffic(clock)


@pytest.fixture
def counted(traffic: Traffic) -> Callable[..., float]:
    def counted(place: int, code_class: str, proxy: str = "public-3") -> float:
        labels = (f'envoy_cluster_name="{CLUSTER}{place}"', f'envoy_response_code_class="{code_class}"')
        return total(traffic.page(proxy), "envoy_cluster_upstream_rq_xx", *labels)

    return counted


def test_requests_follow_the_weights(traffic: Traffic, clock: Clock, counted: Callable[..., float]) -> None:
    traffic.see(KEY, route(("stable", 80), ("canary", 20)))
    clock.now += 10
    assert counted(0, "2") == 8 * REQUESTS
    assert counted(1, "2") == 2 * REQUESTS
    assert counted(1, "2", proxy="public-4") == 0


def test_a_weight_and_a_fault_count_from_their_moment_on(
    traffic: Traffic, clock: Clock, counted: Callable[..., float]
) -> None:
    traffic.see(KEY, route(("stable", 80), ("canary", 20)))
    clock.now += 1
    traffic.see(KEY, route(("stable", 50), ("canary", 50)))
    clock.now += 1
    assert traffic.fail(lambda name, _share: name == "canary") == clock.now
    clock.now += 2
    assert counted(1, "2") == 0.7 * REQUESTS
    assert counted(1, "5") == REQUESTS
    assert counted(0, "5") == 0


def test_a_backend_without_weight_has_no_series_and_starts_over(
    traffic: Traffic, clock: Clock, counted: Callable[..., float]
) -> None:
    traffic.see(KEY, route(("stable", 80), ("canary", 20)))
    clock.now += 10
    traffic.see(KEY, route(("stable", 100), ("canary", 0)))
    assert f"{CLUSTER}1" not in traffic.page("public-3")
    traffic.see(KEY, route(("stable", 80), ("canary", 20)))
    clock.now += 5
    assert counted(1, "2") == REQUESTS
    assert counted(0, "2") == 12 * REQUESTS


def test_a_route_is_safe_once_its_lesser_side_is_only_kept_warm(traffic: Traffic, clock: Clock) -> None:
    traffic.see(KEY, route(("stable", 80), ("canary", 20)))
    assert traffic.canaries() == {KEY: ("canary", 0.2)}
    assert KEY not in traffic.safe_at
    clock.now += 3
    traffic.see(KEY, route(("stable", 1_000_000), ("canary", 1)))
    assert traffic.safe_at[KEY] == clock.now
    assert traffic.canaries() == {}


def test_a_route_that_is_gone_has_no_counters(traffic: Traffic) -> None:
    traffic.see(KEY, route(("stable", 100)))
    traffic.see(KEY, None)
    assert CLUSTER not in traffic.page("public-3")


def test_the_table_shows_what_was_measured_and_no_row_without_figures() -> None:
    figures = {"idle": {"CPU % of a core": 1.5}, "storm": {"rollouts": 20, "while failing": {"queries/s": 0.9}}}
    page = report.page("scale", {"300": figures, "1000": {}})
    assert "| idle, CPU % of a core | 1.5 |  |" in page
    assert "| failing, queries/s | 0.9 |  |" in page
    assert "churn" not in page


def test_a_run_keeps_the_columns_of_others(tmp_path: Path) -> None:
    report.keep(tmp_path, "scale", "bench-scale", "300", {"idle": {"CPU % of a core": 1.5}})
    report.keep(tmp_path, "scale", "bench-scale", "1000", {"idle": {"CPU % of a core": 2.5}})
    report.keep(tmp_path, "scale", "bench-scale", "300", {"idle": {"CPU % of a core": 0.5}})
    assert "| idle, CPU % of a core | 0.5 | 2.5 |" in (tmp_path / "scale.md").read_text()


def test_a_process_is_measured_by_the_kernel() -> None:
    before = cpu_seconds(os.getpid())
    held = bytearray(64 << 20)
    while cpu_seconds(os.getpid()) < before + 0.05:
        sum(held[:100_000])
    assert resident_mib(os.getpid()) > 64
