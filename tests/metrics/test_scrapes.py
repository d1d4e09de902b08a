"""An endpoint serves once, however many jobs scrape it, and goes on counting where another job takes over."""

from __future__ import annotations

import pytest

from serinus.metrics.scrapes import endpoints
from serinus.metrics.series import Series

TIMES = ((10.0, 1.0), (20.0, 1.0), (30.0, 1.0))
POD = {"namespace": "models", "pod": "shop-1"}


def pair(
    job: str, instance: str, target: dict[str, str] | None = None, upto: float = 30.0, **own: str
) -> tuple[Series, Series]:
    """Return `up` of a target and a counter that it reported."""
    labels = {**(target or {}), "job": job, "instance": instance}
    times = tuple(sample for sample in TIMES if sample[0] <= upto)
    return Series({**labels, "__name__": "up"}, times), Series({**labels, **own, "__name__": "x"}, times)


def chosen(*pairs: tuple[Series, Series]) -> dict[str, list[str]]:
    found = endpoints([counter for _, counter in pairs], [up for up, _ in pairs])
    return {
        one.endpoint: [f"{series.labels['job']} {series.labels['instance']}" for series in one.counters]
        for one in found
    }


def test_a_pod_that_two_jobs_scrape_is_one_endpoint() -> None:
    pairs = [pair("b", "10.0.0.1:80", POD), pair("a", "10.0.0.1:80", {**POD, "node": "n1"})]
    assert chosen(*pairs) == chosen(*reversed(pairs)) == {"models/shop-1": ["a 10.0.0.1:80"]}


def test_a_target_without_a_pod_is_known_by_its_address() -> None:
    found = chosen(pair("envoy", "10.0.0.1:19001", POD), pair("all", "10.0.0.1:19001"), pair("envoy", "10.0.0.2:19001"))
    assert found == {"10.0.0.2:19001": ["envoy 10.0.0.2:19001"], "models/shop-1": ["all 10.0.0.1:19001"]}


def test_two_replicas_of_prometheus_are_one_source() -> None:
    found = chosen(pair("pods", "i", {**POD, "replica": "0"}), pair("pods", "i", {**POD, "replica": "1"}))
    assert found == {"models/shop-1": ["pods i"]}


def test_all_pods_are_read_through_the_same_one_of_two_ports() -> None:
    pairs = [
        pair("pods", f"10.0.0.{n}:{port}", {"namespace": "m", "pod": f"p{n}"}) for n in (1, 2, 9) for port in (90, 80)
    ]
    assert chosen(*pairs) == {f"m/p{n}": [f"pods 10.0.0.{n}:80"] for n in (1, 2, 9)}


def test_a_target_that_reports_nothing_does_not_hide_one_that_does() -> None:
    silent, _ = pair("a", "i:1", POD)
    up, counter = pair("b", "i:2", POD)
    (found,) = endpoints([counter], [silent, up])
    assert (found.up, list(found.counters)) == (up, [counter])


@pytest.mark.parametrize(("upto", "job"), [(30.0, "a"), (20.0, "a"), (0.0, "b")])
def test_a_job_that_was_taken_away_gives_way(upto: float, job: str) -> None:
    late = tuple((at + 50.0, 1.0) for at, _ in TIMES)
    up, counter = pair("b", "i", POD)
    gone = pair("a", "i", POD)
    if upto:
        pairs = [pair("a", "i", POD, upto), (up, counter)]
    else:
        pairs = [gone, (up._replace(samples=late), counter._replace(samples=late))]
    assert chosen(*pairs) == {"models/shop-1": [f"{job} i"]}


def test_a_counter_is_known_by_the_containers_own_labels() -> None:
    one, other = (
        pair("a", "i", POD, handler="/", status="200"),
        pair("b", "j", {**POD, "node": "n"}, status="200", handler="/"),
    )
    (first,), (second,) = endpoints([one[1]], [one[0]]), endpoints([other[1]], [other[0]])
    assert first.own(one[1]) == second.own(other[1]) == "{handler='/', status='200'}"
    assert first.own(one[1], "status") == "{handler='/'}"


def test_no_two_label_sets_share_an_identity() -> None:
    sets: list[dict[str, str]] = [
        {},
        {"a": "1"},
        {"b": "1"},
        {"a": "1", "b": ""},
        {"a": "1', 'b"},
        {"a": "1,b=2"},
        {"a": "1", "b": "2"},
    ]
    up, _ = pair("j", "i", POD)
    (found,) = endpoints([], [up])
    assert len({found.own(pair("j", "i", POD, **own)[1]) for own in sets}) == len(sets)


def test_a_counter_without_a_target_is_nobodys() -> None:
    assert chosen(pair("a", "i")) == {"i": ["a i"]}
    (found,) = endpoints([pair("b", "i")[1]], [pair("a", "i")[0]])
    assert list(found.counters) == []
