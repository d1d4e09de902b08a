"""What a server answers is either series or a reason in words; nothing is ever mistaken for nothing seen."""

from __future__ import annotations

import asyncio
import json
import math
import socket
from typing import Any

import aiohttp
import pytest

from serinus.metrics.series import Series
from serinus.prometheus import client
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


@pytest.mark.parametrize("status", [200, 401, 404, 502, 503])
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
