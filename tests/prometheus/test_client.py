"""What a server answers is either series or a reason in words; nothing is ever mistaken for nothing seen."""

from __future__ import annotations

import asyncio
import json
import math
import socket
from typing import Any

import aiohttp
import pytest

from serinus.metrics.series import Buckets, Series
from serinus.prometheus import client
from serinus.prometheus.answers import Known, series_of
from serinus.prometheus.client import Prometheus, Unavailable

from .server import Server, serving, success


def ask(server: Server, limit: float = 20.0) -> list[Series]:
    async def scenario() -> list[Series]:
        async with serving(server, limit) as prometheus:
            return await prometheus.query('up{job="x"}[15s]', 1000.5)

    return asyncio.run(scenario())


def refusal(server: Server, limit: float = 20.0) -> str:
    with pytest.raises(Unavailable) as raised:
        ask(server, limit)
    return str(raised.value)


def test_the_question_is_a_form_with_the_time_of_the_look() -> None:
    server = Server(success("vector", []))
    ask(server)
    assert server.asked == [{"query": 'up{job="x"}[15s]', "time": "1000.500", "timeout": "20s"}]


def test_a_matrix_is_raw_samples() -> None:
    result = [{"metric": {"a": "1"}, "values": [[1.5, "2"], [2, "3.25"]]}, {"metric": {}, "values": []}]
    assert ask(Server(success("matrix", result))) == [Series({"a": "1"}, ((1.5, 2.0), (2.0, 3.25))), Series({}, ())]


def test_a_vector_is_one_sample_per_series_and_a_scalar_one_without_labels() -> None:
    result = [{"metric": {"a": "1"}, "value": [7, "2"]}]
    assert ask(Server(success("vector", result))) == [Series({"a": "1"}, ((7.0, 2.0),))]
    assert ask(Server(success("scalar", [7, "0.5"]))) == [Series({}, ((7.0, 0.5),))]


@pytest.mark.parametrize("kind", ["vector", "matrix"])
def test_an_empty_answer_is_no_series(kind: str) -> None:
    assert ask(Server(success(kind, []))) == []


@pytest.mark.parametrize(("text", "value"), [("+Inf", math.inf), ("-Inf", -math.inf), ("1e-300", 1e-300), ("-0", 0.0)])
def test_unusual_numbers_are_numbers(text: str, value: float) -> None:
    (series,) = ask(Server(success("vector", [{"metric": {}, "value": [1, text]}])))
    assert series.samples == ((1.0, value),)


def test_nan_stays_nan_for_the_judge_to_see() -> None:
    (series,) = ask(Server(success("vector", [{"metric": {}, "value": [1, "NaN"]}])))
    assert math.isnan(series.samples[0][1])


@pytest.mark.parametrize("status", [400, 422, 503])
def test_an_error_of_prometheus_is_told_in_its_words(status: int) -> None:
    body = {"status": "error", "errorType": "bad_data", "error": "parse error at char 3"}
    told = refusal(Server(body, status))
    assert told == f"HTTP {status}: bad_data: parse error at char 3"


@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_a_page_of_a_proxy_is_not_an_answer(status: int) -> None:
    told = refusal(Server(b"<html>Bad Gateway</html>", status))
    assert f"HTTP {status}" in told
    assert "Bad Gateway" in told


NONSENSE: list[Any] = [
    b"", b"null", b"[]", b"5", b'"success"', b"{}", b'{"status": "success"}', b"\xff\xfe", b'{"status": "success", "data": null}',
    success("vector", None), success("vector", [{}]), success("vector", [{"metric": {}, "value": ["x", "y"]}]),
    success("vector", [{"metric": {}, "value": [1]}]), success("matrix", [{"metric": {}, "values": 5}]),
    success("scalar", []), success("string", [1, "text"]), success("vector", 5),
    success("matrix", [{"metric": {}, "histograms": []}]),
]  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE, ids=[str(body)[:60] for body in NONSENSE])
def test_nonsense_is_a_reason_and_never_an_empty_answer(body: Any) -> None:
    assert refusal(Server(body)).startswith("HTTP 200 with an answer that is not Prometheus'")


NATIVE = {
    "count": "12", "sum": "3.5",
    "buckets": [[1, "-0.2", "-0.1", "1"], [3, "-0.001", "0.001", "2"], [0, "0.5", "1", "4"], [0, "1", "2", "5"]],
}  # fmt: skip
"""A negative bucket, the zero bucket, and two more; one observation was no number."""


def test_native_histograms_are_buckets_by_their_bounds() -> None:
    result = [{"metric": {"a": "1"}, "histograms": [[1.5, NATIVE], [2, {"count": "0", "sum": "0"}]]}]
    (series,) = ask(Server(success("matrix", result)))
    assert series.samples == ()
    (first, buckets), (second, empty) = series.histograms
    assert (first, second, empty) == (1.5, 2.0, Buckets(0.0))
    assert buckets.count == 12.0
    assert dict(zip(buckets.upper, buckets.held, strict=True)) == {-0.1: 1.0, 0.001: 3.0, 1.0: 7.0, 2.0: 12.0}


def test_a_vector_may_hold_a_histogram_and_a_series_both_kinds() -> None:
    (vector,) = ask(Server(success("vector", [{"metric": {}, "histogram": [7, NATIVE]}])))
    assert vector.histograms[0][1].at_most(1.0) == 7.0
    both = [{"metric": {}, "values": [[1, "5"]], "histograms": [[2, NATIVE]]}]
    (series,) = ask(Server(success("matrix", both)))
    assert (series.samples, len(series.histograms)) == (((1.0, 5.0),), 1)


BROKEN: list[Any] = [
    None, 5, {}, {"count": "x"}, {"count": "1", "buckets": 5}, {"count": "1", "buckets": [[0, "1", "2"]]},
    {"count": "1", "buckets": [[0, "1", "2", "1"], [0, "0.5", "1", "1"]]}, {"count": "1", "buckets": [[0, "2", "1", "1"]]},
]  # fmt: skip


@pytest.mark.parametrize("histogram", BROKEN, ids=[str(one)[:60] for one in BROKEN])
def test_a_broken_histogram_is_a_reason(histogram: Any) -> None:
    told = refusal(Server(success("matrix", [{"metric": {}, "histograms": [[1, histogram]]}])))
    assert told.startswith("HTTP 200 with an answer that is not Prometheus'")


def check(server: Server) -> str | None:
    async def scenario() -> str | None:
        async with serving(server) as prometheus:
            return await prometheus.check("up{")

    return asyncio.run(scenario())


def test_a_query_that_parses_is_told_from_one_that_does_not() -> None:
    assert check(Server({"status": "success", "data": "up"})) is None
    wrong = {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 1:4: parse error: end of input',
    }
    server = Server(wrong, 400)
    assert check(server) == "1:4: parse error: end of input"
    assert server.asked == [{"query": "up{"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"404 page not found", 404), (b"", 200), (b"<html>", 503), ({"status": "success", "data": {}}, 200),
        ({"status": "error", "errorType": "unavailable", "error": "busy"}, 503), (b"[]", 200),
    ],
)  # fmt: skip
def test_a_server_that_cannot_say_whether_a_query_parses_does_not_refuse_it(body: Any, status: int) -> None:
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        check(Server(body, status))


def test_a_body_that_is_cut_off_is_a_reason() -> None:
    whole = json.dumps(success("matrix", [{"metric": {"a": "1"}, "values": [[1, "2"]]}]))
    for length in range(len(whole)):
        with pytest.raises(Unavailable):
            series_of(200, whole[:length].encode())
    assert series_of(200, whole.encode()) == [Series({"a": "1"}, ((1.0, 2.0),))]


def test_a_server_that_does_not_answer_is_given_up_in_time() -> None:
    told = refusal(Server(success("vector", []), hold=True), limit=0.2)
    assert told.endswith("did not answer within 0.2 s")


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"

        async def scenario() -> None:
            async with aiohttp.ClientSession() as session:
                await Prometheus(session, address, 20).query("up", 0)

        with pytest.raises(Unavailable, match=f"{address} cannot be reached"):
            asyncio.run(scenario())


def test_a_connection_that_breaks_in_the_middle_is_a_reason() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        listener = await asyncio.start_server(half, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with listener, aiohttp.ClientSession() as session:
            await Prometheus(session, f"http://127.0.0.1:{port}", 20).query("up", 0)

    with pytest.raises(Unavailable, match="cannot be reached"):
        asyncio.run(scenario())


def test_an_answer_of_any_size_up_to_the_limit_is_read_whole() -> None:
    result = [{"metric": {"n": str(number)}, "value": [1, "1"]} for number in range(20_000)]
    body = success("vector", result)
    assert len(json.dumps(body)) > 500_000
    assert len(ask(Server(body))) == 20_000


def test_a_huge_answer_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BODY", 100_000)
    told = refusal(Server(b"x" * 3_000_000))
    assert told == "the answer is larger than 100000 bytes"


TRICKY = [
    {"__name__": "x", "a": '},"values":['}, {"a": ']},{"metric":'}, {"values": "1", "a": "2"}, {}, {"a": "\\"}, {"a": '"'},
    {"ä": "\u2028"}, {"a": "},"}, {"a": "]}]}}"},
]  # fmt: skip


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_labels_that_are_known_are_the_same_and_change_nothing(separators: tuple[str, str]) -> None:
    def body(last: int) -> bytes:
        result = [{"metric": labels, "values": [[1, "2"], [2.5, str(last)]]} for labels in TRICKY[: last + 1]]
        return json.dumps(success("matrix", result), separators=separators, ensure_ascii=False).encode()

    known = Known()
    before: list[Series] = []
    for last in (8, 8, 4, 0, 8):
        found = series_of(200, body(last), known)
        assert found == series_of(200, body(last))
        assert [one.labels for one in found] == TRICKY[: last + 1]
        if separators == (",", ":"):
            kept = [one.labels is two.labels for one, two in zip(found, before, strict=False)]
            assert sum(not same for same in kept) <= 1  # a label set without labels is made anew
        before = found


def test_a_body_that_is_cut_off_is_a_reason_also_when_its_labels_are_known() -> None:
    result = [{"metric": {"a": name}, "values": [[1, "2"], [2, "3"]]} for name in "xyz"]
    whole = json.dumps(success("matrix", result), separators=(",", ":")).encode()
    for length in range(len(whole)):
        known = Known()
        series_of(200, whole, known)
        with pytest.raises(Unavailable):
            series_of(200, whole[:length], known)
        assert len(series_of(200, whole, known)) == 3


def test_mixed_answers_are_read_in_full() -> None:
    result = [{"metric": {"a": "1"}, "values": [[1, "2"]]}, {"metric": {"a": "2"}, "histograms": [[1, NATIVE]]}]
    body = json.dumps(success("matrix", result), separators=(",", ":")).encode()
    assert series_of(200, body, Known()) == series_of(200, body)
    assert series_of(200, body, Known())[1].histograms
