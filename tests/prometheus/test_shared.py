"""One query serves everybody who asks the same in the same moment."""

from __future__ import annotations

import asyncio

import pytest

from serinus.prometheus.shared import FEW, PATIENCE, Answer, SharedQueries

from .server import Server, serving, success

EMPTY = success("vector", [])


def test_callers_at_the_same_time_share_one_query() -> None:
    async def scenario() -> None:
        server = Server(success("vector", [{"metric": {}, "value": [1, "7"]}]), delay=0.05)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            answers = await asyncio.gather(*(shared.ask("up") for _ in range(20)))
        assert len(server.asked) == 1
        assert {answer.at for answer in answers} == {1000.0}
        assert all(answer.series[0].samples == ((1.0, 7.0),) and not answer.problem for answer in answers)

    asyncio.run(scenario())


def test_a_fresh_answer_is_kept_and_a_stale_one_asked_for_again() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(EMPTY)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            for at, count in ((1000.0, 1), (1000.8, 1), (1000.95, 2), (1001.5, 2), (1002.0, 3)):
                now[0] = at
                await shared.ask("up")
                assert len(server.asked) == count
        assert [form["time"] for form in server.asked] == ["1000.000", "1000.950", "1002.000"]

    asyncio.run(scenario())


def test_a_clock_that_was_set_back_does_not_keep_an_answer() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(EMPTY)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            await shared.ask("up")
            now[0] = 900.0
            assert (await shared.ask("up")).at == 900.0
        assert len(server.asked) == 2

    asyncio.run(scenario())


def test_different_questions_are_asked_apart() -> None:
    async def scenario() -> None:
        server = Server(EMPTY)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            await asyncio.gather(shared.ask("up"), shared.ask("down"))
        assert sorted(form["query"] for form in server.asked) == ["down", "up"]

    asyncio.run(scenario())


def test_a_problem_is_an_answer_for_all_and_is_asked_again_when_stale() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(b"<html>", 502)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            first, second = await asyncio.gather(shared.ask("up"), shared.ask("up"))
            assert first == second
            assert "HTTP 502" in first.problem
            assert (first.series, len(server.asked)) == ((), 1)

            server.body, server.status, now[0] = EMPTY, 200, 1001.0
            assert (await shared.ask("up")).problem == ""

    asyncio.run(scenario())


def test_a_caller_that_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def scenario() -> None:
        server = Server(EMPTY, hold=True)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            impatient, patient = asyncio.create_task(shared.ask("up")), asyncio.create_task(shared.ask("up"))
            await asyncio.wait_for(server.arrived.wait(), 10)
            impatient.cancel()
            await asyncio.gather(impatient, return_exceptions=True)
            server.released.set()
            assert (await patient).problem == ""
        assert len(server.asked) == 1
        assert impatient.cancelled()

    asyncio.run(scenario())


def test_answers_that_nobody_asked_for_in_a_minute_are_let_go() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(EMPTY)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            for number in range(10):
                await shared.ask(f"q{number}")
            now[0] = 1100.0
            await shared.ask("up")
            assert set(shared._questions) == {"up"}

    asyncio.run(scenario())


def test_a_server_that_hangs_is_a_problem_for_all_before_it_answers() -> None:
    async def scenario() -> None:
        server = Server(EMPTY, hold=True)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            start = asyncio.get_running_loop().time()
            answers = await asyncio.gather(*(shared.ask("up") for _ in range(20)))
            assert asyncio.get_running_loop().time() - start < 3 * PATIENCE
            assert {answer.problem for answer in answers} == {f"{prometheus.address} has not answered for 2 s"}
            server.released.set()
        assert len(server.asked) == 1

    asyncio.run(scenario())


def test_while_a_server_hangs_nobody_waits_long_again() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(EMPTY, hold=True)
        async with serving(server, 0.3) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            first = asyncio.create_task(shared.ask("up"))
            await server.arrived.wait()
            now[0] = 1030.0  # thirty seconds by the clock of the day
            assert "did not answer within" in (await first).problem
            now[0] = 1031.0
            await asyncio.sleep(0)
            assert shared._questions["up"].patience == PATIENCE
            start = asyncio.get_running_loop().time()
            assert "has not answered" in (await shared.ask("up")).problem
            assert asyncio.get_running_loop().time() - start < 0.3
            server.released.set()

    asyncio.run(scenario())


def test_a_late_answer_serves_those_who_come_back() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(success("vector", [{"metric": {}, "value": [1, "7"]}]), hold=True)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            waiting = asyncio.create_task(shared.ask("up"))
            await server.arrived.wait()
            now[0] = 1005.0
            assert "has not answered" in (await shared.ask("up")).problem
            server.released.set()
            assert (await waiting).at == 1000.0
            now[0] = 1005.5
            assert (await shared.ask("up")).series[0].samples == ((1.0, 7.0),)
        assert len(server.asked) == 1

    asyncio.run(scenario())


def test_what_one_alone_asks_is_not_kept() -> None:
    async def scenario() -> None:
        server = Server(EMPTY)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            assert not (await shared.ask("an hour", once=True)).problem
            assert not shared._questions

    asyncio.run(scenario())


def test_few_are_asked_at_once_what_only_they_ask() -> None:
    async def scenario() -> None:
        server = Server(EMPTY, hold=True)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            many = [asyncio.create_task(shared.ask(f"hour {number}", once=True)) for number in range(3 * FEW)]
            await server.arrived.wait()
            await asyncio.sleep(0.1)
            assert len(server.asked) == FEW
            server.released.set()
            assert not any(answer.problem for answer in await asyncio.gather(*many))
        assert len(server.asked) == 3 * FEW

    asyncio.run(scenario())


def test_a_late_answer_to_what_one_alone_asked_waits_for_it() -> None:
    async def scenario() -> None:
        now = [1000.0]
        server = Server(EMPTY, hold=True)
        async with serving(server) as prometheus:
            shared = SharedQueries(prometheus, lambda: now[0], 0.25)
            waiting = asyncio.create_task(shared.ask("an hour", once=True))
            await server.arrived.wait()
            now[0] = 1003.0
            assert "has not answered" in (await shared.ask("an hour", once=True)).problem
            waiting.cancel()
            task = shared._questions["an hour"].task
            server.released.set()
            await task
            now[0] = 1004.0
            assert (await shared.ask("an hour", once=True)).at == 1000.0
            assert not shared._questions
        assert len(server.asked) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("costs", "pause"), [((), 0.9), ((0.01,), 0.9), ((0.1,), 3.333), ((0.1, 0.05, 0.025), 5.833), ((5.0,), 15.0)]
)
def test_large_answers_are_asked_for_less_often(costs: tuple[float, ...], pause: float) -> None:
    """All of them together cost three percent of a core, and are asked for once in a scrape interval at least."""

    async def scenario() -> None:
        async with serving(Server(EMPTY)) as prometheus:
            now = [1000.0]
            shared = SharedQueries(prometheus, lambda: now[0], 0.9)
            for number, cost in enumerate(costs):
                for now[0] in (1000.0, 1020.0):
                    await shared.ask(f"q{number}")
                shared._questions[f"q{number}"].cost = cost
            assert shared.pause == pytest.approx(pause, abs=1e-3)

    asyncio.run(scenario())


def test_what_is_asked_once_does_not_slow_the_others_down() -> None:
    async def scenario() -> None:
        async with serving(Server(EMPTY)) as prometheus:
            shared = SharedQueries(prometheus, lambda: 1000.0, 0.9)
            await shared.ask("once")
            shared._questions["once"].cost = 5.0
            assert shared.pause == 0.9

    asyncio.run(scenario())


def test_an_answer_knows_whose_its_series_are() -> None:
    def result(pod: str) -> dict[str, object]:
        return {"metric": {"__name__": "x", "namespace": "models", "pod": pod}, "value": [1, "7"]}

    async def scenario() -> None:
        names = ["shop-aaaaaaaaaa-5f-x", "other-aaaaaaaaaa-5f-x", "shop-bbbbbbbbbb-5f-x"]
        async with serving(Server(success("vector", [result(name) for name in names]))) as prometheus:
            answer = await SharedQueries(prometheus, lambda: 1000.0, 0.9).ask("x")
        assert [one.labels["pod"] for one in answer.of("models", "shop")] == [names[0], names[2]]
        assert answer.of("models", "nobody") == Answer(1000.0).of("models", "shop") == []

    asyncio.run(scenario())
