"""From series to arms: which number each one counts, on which side, and which targets are waited for."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from serinus.analysis import Arm, Counter, Window
from serinus.analysis.reader import begin_reading, drained, read_window
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics.series import Buckets, Series
from serinus.reconcile.source import DEFAULT_INTERVAL, Subject
from serinus.reconcile.windows import error_window, histogram_of, latency_window, mean_window, units_of

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
START, NOW = 1000.0, 1060.0
XX = "envoy_cluster_upstream_rq_xx"
TIME = "envoy_cluster_upstream_rq_time_bucket"
BASE = "http_request_duration_seconds"


def subject(source: Source, **update: Any) -> Subject:
    return Subject("models", "recommender", OLD, NEW, update.pop("stable_slot", 0), source, **update)


def proxy(place: int, *values: float, target: str = "p1", name: str = XX, job: str = "envoy", **own: str) -> Series:
    labels = {
        "__name__": name, "job": job, "instance": target, **own,
        "envoy_cluster_name": f"httproute/models/recommender/rule/0/backend/{place}",
    }  # fmt: skip
    return Series(labels, tuple((1010.0 + 10 * at, value) for at, value in enumerate(values or (1.0, 2.0))))


def answers(place: int, code: str = "2", **more: Any) -> Series:
    return proxy(place, envoy_response_code_class=code, **more)


def of_grpc(series: Series) -> Series:
    cluster = series.labels["envoy_cluster_name"].replace("httproute", "grpcroute")
    return series._replace(labels={**series.labels, "envoy_cluster_name": cluster})


def grpc_answers(place: int, code: str = "2") -> Series:
    return of_grpc(answers(place, code))


def coded(place: int, code: int) -> Series:
    return of_grpc(proxy(place, name=f"envoy_cluster_grpc_ModelInfer_{code}"))


def up(target: str, *times: float, job: str = "envoy", **labels: str) -> Series:
    return Series({"__name__": "up", "job": job, "instance": target, **labels}, tuple((at, 1.0) for at in times))


def pod_name(revision: str, number: int = 1) -> str:
    return f"recommender-{revision}-7d9f8b6c5d-0000{number}"


def pod_up(revision: str, number: int = 1, job: str = "pods", times: tuple[float, ...] = (1010.0, 1020.0)) -> Series:
    name = pod_name(revision, number)
    return up(name, *times, job=job, namespace="models", pod=name)


def in_pod(revision: str, name: str, *values: float, number: int = 1, job: str = "pods", **own: str) -> Series:
    pod = pod_name(revision, number)
    labels = {"job": job, "instance": pod, "namespace": "models", "pod": pod, "__name__": name, **own}
    return Series(labels, tuple((1010.0 + 10 * at, value) for at, value in enumerate(values or (5.0,))))


def native(revision: str, *samples: Buckets, number: int = 1, **own: str) -> Series:
    histograms = tuple((1010.0 + 10 * at, sample) for at, sample in enumerate(samples))
    return in_pod(revision, BASE, number=number, **own)._replace(samples=(), histograms=histograms)


def filled(*parts: tuple[float, float, float]) -> Buckets:
    held, total = [], 0.0
    for _, _, count in parts:
        total += count
        held.append(total)
    return Buckets(total, tuple(left for left, _, _ in parts), tuple(right for _, right, _ in parts), tuple(held))


def cells(window: Window) -> dict[tuple[str, int], tuple[float, ...]]:
    return {
        (counter.arm.value, counter.cell): tuple(value for _, value in counter.samples) for counter in window.counters
    }


class TestErrors:
    @pytest.mark.parametrize("slot", [0, 1])
    def test_a_place_of_the_route_is_an_arm_by_stables_slot(self, slot: int) -> None:
        series = [answers(0), answers(1), up("p1", 1010)]
        seen = error_window(subject(Source.GATEWAY, stable_slot=slot), series, START, NOW)
        arms = {("backend/0" in counter.key): counter.arm for counter in seen.counters}
        assert arms == {True: Arm.STABLE if slot == 0 else Arm.CANARY, False: Arm.CANARY if slot == 0 else Arm.STABLE}
        assert (seen.start, seen.now) == (START, NOW)

    def test_answers_of_grpc_are_counted_by_their_code_beside_those_of_http(self) -> None:
        """The status of gRPC is always 200; two codes of one method have the same labels."""
        series = [coded(1, 0), coded(1, 13), coded(1, 2), coded(1, 5), grpc_answers(1), answers(1, "5"), up("p1", 1010)]
        seen = error_window(subject(Source.GATEWAY), series, START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 0, 1, 1, 1]
        assert len({counter.key for counter in seen.counters}) == 5
        assert {counter.arm for counter in seen.counters} == {Arm.CANARY}

    def test_a_server_that_speaks_no_grpc_fails(self) -> None:
        series = [grpc_answers(1, "4"), up("p1", 1010)]
        (seen,) = error_window(subject(Source.GATEWAY), series, START, NOW).counters
        assert (seen.cell, [value for _, value in seen.samples]) == (1, [1.0, 2.0])

    def test_grpc_whose_codes_nobody_counts_cannot_be_judged(self) -> None:
        """Answers without a code would pass for fine: no number is what makes a test Blind."""
        series = [grpc_answers(1), coded(0, 0), grpc_answers(0), up("p1", 1010)]
        seen = error_window(subject(Source.GATEWAY), series, START, NOW)
        values = {counter.arm: [value for _, value in counter.samples] for counter in seen.counters}
        assert values[Arm.STABLE] == [1.0, 2.0]
        assert all(math.isnan(value) for value in values[Arm.CANARY])

    def test_pods_count_both_protocols_and_one_counter_of_both_once(self) -> None:
        apart = RuntimeMetrics.model_validate({"grpc": {}})
        series = [
            in_pod(NEW, "http_requests_total", status="200"),
            in_pod(NEW, "http_requests_total", status="500"),
            in_pod(NEW, "grpc_server_handled_total", grpc_code="OK", grpc_service="infer"),
            in_pod(NEW, "grpc_server_handled_total", grpc_code="Internal", grpc_service="infer"),
            in_pod(NEW, "grpc_server_handled_total", grpc_code="OK", grpc_service="grpc.health.v1.Health"),
            pod_up(NEW),
        ]
        seen = error_window(subject(Source.PODS, metrics=apart), series, START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 0, 1, 1]
        pair = {"requests": "fine", "failures": "failed"}
        together = RuntimeMetrics.model_validate({**pair, "grpc": pair})
        series = [in_pod(NEW, "fine"), in_pod(NEW, "failed"), pod_up(NEW)]
        seen = error_window(subject(Source.PODS, metrics=together), series, START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 1]

    def test_errors_are_answers_of_the_fifth_class(self) -> None:
        series = [answers(1, "5"), answers(1, "2"), answers(1, "4"), up("p1", 1010)]
        seen = error_window(subject(Source.GATEWAY), series, START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 0, 1]

    def test_a_request_is_counted_once_and_an_idle_backend_still_has_a_target(self) -> None:
        total = proxy(1, name="envoy_cluster_upstream_rq_total")
        seen = error_window(subject(Source.GATEWAY), [total, up("p1", 1010)], START, NOW)
        assert seen.counters == ()
        assert [target.name for target in seen.targets] == ["p1"]

    def test_a_proxy_reports_both_arms_and_other_targets_are_left_out(self) -> None:
        series = [answers(0), up("p1", 1010), up("elsewhere", 1010), up("p2", 1010)]
        seen = error_window(subject(Source.GATEWAY), series, START, NOW)
        assert [(target.name, target.arm, target.live) for target in seen.targets] == [("p1", None, True)]

    @pytest.mark.parametrize(("newest", "live"), [(1060, True), (1030, True), (1029, False), (1000, False)])
    def test_a_proxy_that_stopped_answering_is_not_waited_for_for_ever(self, newest: float, live: bool) -> None:  # noqa: FBT001
        """Three scrape intervals of ten seconds behind the newest."""
        dead = up("p2", *(at for at in (980, 990, 1000, newest) if at <= newest))
        series = [answers(0), answers(0, target="p2"), up("p1", 1030, 1040, 1050, 1060), dead]
        seen = error_window(subject(Source.GATEWAY), series, START, NOW)
        assert {target.name: target.live for target in seen.targets} == {"p1": True, "p2": live}

    def test_when_all_proxies_are_silent_they_stay_expected(self) -> None:
        """An outage of everything is Blind, not an empty cluster."""
        seen = error_window(subject(Source.GATEWAY), [answers(0), up("p1", 900, 910)], START, NOW)
        assert [target.live for target in seen.targets] == [True]

    def test_pods_are_arms_by_their_revision(self) -> None:
        name = "http_requests_total"
        series = [
            in_pod(OLD, name, status="200"), in_pod(NEW, name, status="200"), in_pod(NEW, name, number=2, status="500"),
            in_pod("cccccccccc", name, status="200"), pod_up(OLD), pod_up(NEW), pod_up(NEW, 2), pod_up("cccccccccc"),
        ]  # fmt: skip
        live = frozenset({pod_name(NEW), pod_name(OLD)})
        seen = error_window(subject(Source.PODS, live_pods=live), series, START, NOW)
        assert sorted((counter.arm, counter.cell) for counter in seen.counters) == [
            (Arm.CANARY, 0), (Arm.CANARY, 1), (Arm.STABLE, 0),
        ]  # fmt: skip
        assert sorted((target.arm or "", target.live) for target in seen.targets) == [
            (Arm.CANARY, False), (Arm.CANARY, True), (Arm.STABLE, True),
        ]  # fmt: skip
        assert {counter.target for counter in seen.counters} == {target.name for target in seen.targets}

    def test_a_pod_without_a_counter_yet_is_a_target(self) -> None:
        seen = error_window(subject(Source.PODS), [pod_up(NEW)], START, NOW)
        assert (seen.counters, [target.arm for target in seen.targets]) == ((), [Arm.CANARY])

    def test_the_runtime_says_what_an_error_is(self) -> None:
        series = [in_pod(NEW, "http_requests_total", status=status) for status in ("429", "500")]
        metrics = RuntimeMetrics(errors="429")
        seen = error_window(subject(Source.PODS, metrics=metrics), [*series, pod_up(NEW)], START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 1]

    def test_each_arm_counts_under_its_own_names(self) -> None:
        """A canary of another runtime."""
        names = ("http_requests_total", "answers_total")
        series = [in_pod(revision, name, status="500", code="200") for revision in (OLD, NEW) for name in names]
        made = subject(Source.PODS, metrics=RuntimeMetrics(requests="answers_total", status_label="code"))
        seen = error_window(
            replace(made, stable_metrics=RuntimeMetrics()), [*series, pod_up(OLD), pod_up(NEW)], START, NOW
        )
        assert sorted((counter.arm, counter.cell) for counter in seen.counters) == [(Arm.CANARY, 0), (Arm.STABLE, 1)]

    def test_a_pair_of_counters_and_what_is_left_out(self) -> None:
        names = ("fine_total", "failed_total", "other_total")
        series = [in_pod(NEW, name, model="a", path=path) for name in names for path in ("/v2", "/health")]
        metrics = RuntimeMetrics.model_validate(
            {
                "requests": "fine_total",
                "failures": "failed_total",
                "exclude": {"label": "path", "values": "/health"},
            }
        )
        seen = error_window(subject(Source.PODS, metrics=metrics), [*series, pod_up(NEW)], START, NOW)
        assert sorted(counter.cell for counter in seen.counters) == [0, 1]
        assert len({counter.key for counter in seen.counters}) == 2

    @pytest.mark.parametrize(
        ("times", "interval"),
        [
            ((), DEFAULT_INTERVAL),
            ((1000,), DEFAULT_INTERVAL),
            ((1000, 1005), 5),
            ((1000, 1005, 1010, 1060), 5),
            ((1000, 1005.003), 5),
            ((1000, 1000.04), 0.04),
        ],
    )
    def test_the_scrape_interval_is_the_usual_gap(self, times: tuple[float, ...], interval: float) -> None:
        proxies = [up("p1", *times)] if times else []
        assert error_window(subject(Source.GATEWAY), [answers(0), *proxies], START, NOW).interval == pytest.approx(
            interval
        )

    def test_an_empty_answer_is_an_empty_window(self) -> None:
        seen = error_window(subject(Source.GATEWAY), [], START, NOW)
        assert (seen.counters, seen.targets) == ((), ())

    def test_samples_before_the_start_are_left_out(self) -> None:
        seen = error_window(subject(Source.GATEWAY), [answers(0), up("p1", 1010, 1020)], 1015.0, NOW)
        assert [counter.samples for counter in seen.counters] == [((1020.0, 2.0),)]


class TestDuplicates:
    @pytest.mark.parametrize("source", list(Source)[1:])
    def test_what_two_jobs_scrape_is_counted_once(self, source: Source) -> None:
        if source is Source.GATEWAY:
            series = [answers(place, job=job) for place in (0, 1) for job in ("a", "b")]
            ups = [up("p1", 1010, 1020, job="a"), up("p1", 1012, 1022, job="b")]
        else:
            series = [in_pod(name, "http_requests_total", 1, 2, job=job) for name in (OLD, NEW) for job in ("a", "b")]
            ups = [pod_up(name, job=job) for name in (OLD, NEW) for job in ("a", "b")]
        seen = error_window(subject(source), [*series, *ups], START, NOW)
        assert sorted(counter.arm for counter in seen.counters) == [Arm.CANARY, Arm.STABLE]
        assert len(seen.targets) == (1 if source is Source.GATEWAY else 2)

    def test_when_another_job_takes_over_nothing_is_counted_again(self) -> None:
        """The second job is found later, and serves from then on: its name comes first."""
        reader = begin_reading(900.0, 2)
        first = [in_pod(NEW, "http_requests_total", 500, 510, job="z"), pod_up(NEW, job="z")]
        second = [
            in_pod(NEW, "http_requests_total", 505, 515, 525, 535, job="a", node="n"),
            pod_up(NEW, job="a", times=(1010.0, 1020.0, 1030.0, 1040.0)),
        ]
        second[1] = second[1]._replace(labels={**second[1].labels, "node": "n"})
        reader = read_window(reader, error_window(subject(Source.PODS), first, START, 1025.0))
        reader = read_window(reader, error_window(subject(Source.PODS), [*first, *second], START, 1045.0))
        counted = sum(increment.canary.sum() for _, increment in drained(reader)[1])
        assert counted == 535 - 500


class TestLatency:
    LES = ("25.0", "100.0", "+Inf")

    def gateway(self, place: int, *counts: tuple[float, ...], les: tuple[str, ...] = LES) -> list[Series]:
        return [proxy(place, *values, name=TIME, le=le) for le, values in zip(les, counts, strict=True)]

    def test_milliseconds_of_the_gateway_become_seconds(self) -> None:
        series = [
            *self.gateway(0, (10, 20), (30, 60), (40, 100)), *self.gateway(1, (1, 2), (3, 4), (5, 6)), up("p1", 1010, 1020),
        ]  # fmt: skip
        found = histogram_of(subject(Source.GATEWAY), series)
        assert found is not None
        assert (found.bounds, found.slower, found.requests, found.growth) == ((0.025, 0.1), (50.0, 30.0), 60.0, None)
        seen = latency_window(subject(Source.GATEWAY), series, found.bounds, 1.0, START, NOW)
        assert cells(seen) == {
            ("stable", 0): (10, 20), ("stable", 1): (30, 60), ("stable", 2): (40, 100),
            ("canary", 0): (1, 2), ("canary", 1): (3, 4), ("canary", 2): (5, 6),
        }  # fmt: skip

    def test_until_both_arms_were_seen_there_are_no_bounds(self) -> None:
        series = [*self.gateway(0, (1,), (2,), (3,)), up("p1", 1010)]
        assert histogram_of(subject(Source.GATEWAY), series) is None
        assert histogram_of(subject(Source.GATEWAY), []) is None

    def test_bounds_are_those_that_both_arms_have(self) -> None:
        other = self.gateway(1, (1,), (2,), (3,), les=("50.0", "100.0", "+Inf"))
        series = [*self.gateway(0, (1,), (2,), (3,)), *other, up("p1", 1010)]
        found = histogram_of(subject(Source.GATEWAY), series)
        assert found is not None
        assert found.bounds == (0.1,)
        nothing = self.gateway(1, (1,), (2,), (3,), les=("50.0", "200.0", "+Inf"))
        assert (
            histogram_of(subject(Source.GATEWAY), [*self.gateway(0, (1,), (2,), (3,)), *nothing, up("p1", 1010)])
            is None
        )

    def test_a_histogram_without_buckets_has_no_bounds(self) -> None:
        series = [
            part for revision in (OLD, NEW)
            for part in (in_pod(revision, f"{BASE}_bucket", le="+Inf"), in_pod(revision, f"{BASE}_count"), pod_up(revision))
        ]  # fmt: skip
        assert histogram_of(subject(Source.PODS), series) is None

    def test_stable_that_counts_nothing_now_is_known_by_what_it_counted_before(self) -> None:
        series = [*self.gateway(0, (10, 10), (30, 30), (40, 40)), *self.gateway(1, (0,), (0,), (0,)), up("p1", 1010)]
        found = histogram_of(subject(Source.GATEWAY), series)
        assert found is not None
        assert (found.slower, found.requests) == ((30.0, 10.0), 40.0)

    def test_handlers_and_statuses_are_added_up_by_cell(self) -> None:
        series = [
            part for number, handler in enumerate(("/", "/predict"))
            for part in (
                in_pod(NEW, f"{BASE}_bucket", 1.0 + number, le="0.1", handler=handler),
                in_pod(NEW, f"{BASE}_bucket", 5.0 + number, le="+Inf", handler=handler),
            )
        ]  # fmt: skip
        seen = latency_window(subject(Source.PODS), [*series, pod_up(NEW)], (0.1,), 1.0, START, NOW)
        assert sorted((one.cell, one.samples[0][1]) for one in seen.counters) == [
            (0, 1.0),
            (0, 2.0),
            (1, 5.0),
            (1, 6.0),
        ]
        assert len({one.key for one in seen.counters}) == 4

    def test_probes_are_left_out_and_microseconds_are_seconds(self) -> None:
        metrics = RuntimeMetrics.model_validate(
            {"latency": "took_us", "latencyUnit": "us", "exclude": {"label": "route", "values": "/-/.*"}}
        )
        series = [
            in_pod(NEW, "took_us_bucket", 1.0, le=le, route=route)
            for le in ("100000", "+Inf")
            for route in ("/", "/-/healthz")
        ]
        seen = latency_window(subject(Source.PODS, metrics=metrics), [*series, pod_up(NEW)], (0.1,), 1.0, START, NOW)
        assert [(one.cell, one.samples[0][1]) for one in seen.counters] == [(0, 1.0), (1, 1.0)]

    def test_histograms_of_two_runtimes_are_compared_at_common_bounds(self) -> None:
        """One counts in seconds, the other in milliseconds."""
        series = [
            *(in_pod(OLD, f"{BASE}_bucket", le=le) for le in ("0.1", "0.3", "+Inf")),
            *(in_pod(NEW, "took_ms_bucket", le=le) for le in ("100", "200", "+Inf")),
            pod_up(OLD), pod_up(NEW),
        ]  # fmt: skip
        metrics = RuntimeMetrics.model_validate({"latency": "took_ms", "latencyUnit": "ms"})
        made = replace(subject(Source.PODS, metrics=metrics), stable_metrics=RuntimeMetrics())
        found = histogram_of(made, series)
        assert found is not None
        assert found.bounds == (0.1,)

    def test_a_handler_with_other_buckets_is_no_number_and_never_slow(self) -> None:
        series = [
            in_pod(NEW, f"{BASE}_bucket", le="0.3"), in_pod(NEW, f"{BASE}_bucket", le="+Inf"), pod_up(NEW),
        ]  # fmt: skip
        seen = latency_window(subject(Source.PODS), series, (0.1,), 1.0, START, NOW)
        assert math.isnan(cells(seen)["canary", 0][0])

    def test_the_canary_may_be_slower_by_whole_buckets(self) -> None:
        growth = 2.0**0.5
        both = [
            native(revision, filled((growth**-1, 1.0, 10.0), (1.0, growth, 20.0), (growth, 2.0, 5.0)))
            for revision in (OLD, NEW)
        ]
        series = [*both, pod_up(OLD), pod_up(NEW)]
        found = histogram_of(subject(Source.PODS), series)
        assert found is not None
        assert found.growth == pytest.approx(growth)
        assert found.bounds == pytest.approx((growth**-1, 1.0, growth, 2.0))
        assert found.slower == (35.0, 25.0, 5.0, 0.0)
        seen = latency_window(subject(Source.PODS), series, (1.0, growth), found.growth or 0.0, START, NOW)
        assert cells(seen) == {
            ("stable", 0): (10.0,), ("stable", 1): (30.0,), ("stable", 2): (35.0,),
            ("canary", 0): (30.0,), ("canary", 1): (35.0,), ("canary", 2): (35.0,),
        }  # fmt: skip

    def test_buckets_that_get_wider_make_no_slow_requests(self) -> None:
        """From four buckets in an octave to one: what lay below the middle of it is not known any more."""
        fine = filled((2**-0.25, 1.0, 50.0), (1.0, 2**0.25, 50.0))
        wide = filled((0.5, 1.0, 60.0), (1.0, 2.0, 60.0))
        series = [native(NEW, fine, wide, wide), pod_up(NEW, times=(1010.0, 1020.0, 1030.0))]
        kept = latency_window(subject(Source.PODS), series, (1.0,), 1.0, START, NOW)
        assert cells(kept) == {("canary", 0): (50.0, 60.0, 60.0), ("canary", 1): (100.0, 120.0, 120.0)}
        lost = latency_window(subject(Source.PODS), series, (2**0.25,), 1.0, START, NOW)
        reader = read_window(begin_reading(900.0, 2), lost)
        assert drained(reader)[1] == []
        assert [sight.unusable is not None for sight in reader.sights] == [True]

    def test_custom_native_buckets_are_judged_as_classic_ones(self) -> None:
        both = [native(revision, filled((-math.inf, 0.1, 7.0), (0.1, math.inf, 3.0))) for revision in (OLD, NEW)]
        series = [*both, pod_up(OLD), pod_up(NEW)]
        found = histogram_of(subject(Source.PODS), series)
        assert found is not None
        assert (found.bounds, found.growth, found.slower) == ((0.1,), None, (3.0,))

    def test_what_is_scraped_in_both_forms_counts_once(self) -> None:
        classic = [in_pod(NEW, f"{BASE}_bucket", le=le) for le in ("0.1", "+Inf")]
        both = [*classic, native(NEW, filled((-math.inf, 0.1, 7.0), (0.1, math.inf, 3.0))), pod_up(NEW)]
        seen = latency_window(subject(Source.PODS), both, (0.1,), 1.0, START, NOW)
        assert cells(seen) == {("canary", 0): (7.0,), ("canary", 1): (10.0,)}
        before = latency_window(subject(Source.PODS), [*classic, pod_up(NEW)], (0.1,), 1.0, START, NOW)
        assert {one.key for one in before.counters} == {one.key for one in seen.counters}


def mean(sumsq: str | None = "revenue_sumsq", unit: str | None = None) -> Any:
    return SimpleNamespace(count="revenue_count", sum="revenue_sum", sumsq=sumsq, unit=unit)


class TestMeans:
    def test_count_sum_and_sum_of_squares_whatever_the_source(self) -> None:
        series = [in_pod(NEW, f"revenue_{part}", value) for part, value in (("count", 1), ("sum", 2), ("sumsq", 3))]
        for source in (Source.GATEWAY, Source.PODS):
            seen = mean_window(subject(source), mean(), [*series, pod_up(NEW)], (), START, NOW)
            assert cells(seen) == {("canary", 0): (1,), ("canary", 1): (2,), ("canary", 2): (3,)}
            assert len({counter.key for counter in seen.counters}) == 3

    def test_users_are_counted_by_their_bucket(self) -> None:
        counted: list[Counter] = []
        series = [
            in_pod(NEW, f"revenue_{part}", place, bucket=unit)
            for place, unit in enumerate(("7", "3", "new"), 1) for part in ("count", "sum")
        ]  # fmt: skip
        by_unit = mean(None, "bucket")
        assert units_of(subject(Source.PODS), by_unit, [*series, pod_up(NEW)]) == ("3", "7", "new")
        seen = mean_window(subject(Source.PODS), by_unit, [*series, pod_up(NEW)], ("3", "7"), START, NOW)
        counted.extend(seen.counters)
        assert cells(seen) == {("canary", 0): (2,), ("canary", 1): (2,), ("canary", 2): (1,), ("canary", 3): (1,)}
        assert len({counter.key for counter in counted}) == 4

    def test_without_a_unit_there_are_no_units(self) -> None:
        series = [in_pod(NEW, "revenue_count"), pod_up(NEW)]
        assert units_of(subject(Source.PODS), mean(), series) == ()
