"""What a metrics endpoint says of one family of counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serinus.prometheus.exposition import counters

FAMILY = "http_requests_total"


def told(text: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {tuple(sorted(one.labels.items())): one.value for one in counters(text, [FAMILY])}


def test_the_counters_of_a_family_with_their_labels() -> None:
    registry = CollectorRegistry()
    counter = Counter("http_requests", "Requests.", ["status", "path"], registry=registry)
    counter.labels("200", '/a"b\\c\nd').inc(7)
    counter.labels("500", "/").inc()
    Histogram("http_requests_total_seconds", "Another family with a longer name.", registry=registry).observe(1)
    assert told(generate_latest(registry).decode()) == {
        (("path", '/a"b\\c\nd'), ("status", "200")): 7.0,
        (("path", "/"), ("status", "500")): 1.0,
    }


def test_a_pair_of_families_is_told_apart() -> None:
    text = 'fine{model="a"} 3\nfailed{model="a"} 1\nfine_too 7\n'
    assert [(one.family, one.value) for one in counters(text, ["fine", "failed"])] == [("fine", 3.0), ("failed", 1.0)]


def test_a_counter_without_labels_and_one_with_a_time() -> None:
    assert told(f"# a comment\n{FAMILY} 3\n") == {(): 3.0}
    assert told(f'{FAMILY}{{status="200"}} 1e3 1700000000000\n') == {(("status", "200"),): 1000.0}


def test_a_process_that_has_not_counted_yet_tells_nothing() -> None:
    assert told("# TYPE http_requests_total counter\nprocess_cpu_seconds_total 1\n") == {}


@pytest.mark.parametrize("value", ["NaN", "-1", "+Inf", "many", ""])
def test_what_no_counter_can_be_is_refused(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each in its own words
        counters(f"{FAMILY} {value}\n", [FAMILY])


@given(st.text(alphabet='{}"=,\\ \n#a1', max_size=30))
def test_nonsense_is_told_or_refused_and_never_breaks(text: str) -> None:
    try:
        found = counters(FAMILY + text, [FAMILY])
    except ValueError:
        return
    assert all(one.value >= 0.0 for one in found)
