"""The work queue on a real event loop: one runner per key, no wake-up lost, failures back off."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from serinus.reconcile.queue import FIRST_BACKOFF, LONGEST_BACKOFF, PATIENCE, Key, Queue

ONE, TWO, THREE = Key("models", "one"), Key("models", "two"), Key("models", "three")
LIMIT = 10.0
"""Seconds after which something that must happen has not."""


@dataclass
class Runs:
    """A reconcile that records what was run and how many ran at once."""

    started: list[Key] = field(default_factory=list)
    ended: list[Key] = field(default_factory=list)
    at_once: dict[Key, int] = field(default_factory=dict)
    most: int = 0
    gate: asyncio.Event | None = None
    answer: Callable[[Key], Awaitable[float | None]] | None = None
    errors: list[tuple[Key, Exception]] = field(default_factory=list)

    async def __call__(self, key: Key) -> float | None:
        self.started.append(key)
        self.at_once[key] = self.at_once.get(key, 0) + 1
        self.most = max(self.most, self.at_once[key])
        try:
            if self.gate:
                await self.gate.wait()
            else:
                await asyncio.sleep(0)
            return await self.answer(key) if self.answer else None
        finally:
            self.at_once[key] -= 1
            self.ended.append(key)

    def failed(self, key: Key, error: Exception) -> None:
        self.errors.append((key, error))


@contextlib.asynccontextmanager
async def working(runs: Runs, workers: int = 3) -> AsyncIterator[Queue]:
    queue = Queue(runs, time.monotonic, runs.failed)
    tasks = [asyncio.create_task(queue.work()) for _ in range(workers)]
    try:
        yield queue
        assert not any(task.done() for task in tasks), "a worker ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():  # noqa: ASYNC110 - what is awaited is a condition of several things
            await asyncio.sleep(0.002)


async def quiet(seconds: float = 0.1) -> None:
    await asyncio.sleep(seconds)


def test_a_worker_that_is_cancelled_just_when_a_key_comes_ends() -> None:
    async def scenario() -> None:
        runs = Runs(gate=asyncio.Event())
        queue = Queue(runs, time.monotonic, runs.failed)
        await queue.add(ONE, delay=LIMIT)
        worker = asyncio.create_task(queue.work())
        await quiet()
        await queue.add(TWO, delay=LIMIT)
        await asyncio.sleep(0)  # the change has come, the worker has not yet gone on
        worker.cancel()
        done, _ = await asyncio.wait({worker}, timeout=1.0)
        assert done

    asyncio.run(scenario())


def test_a_key_is_worked_on_once_per_wish() -> None:
    async def scenario() -> None:
        runs = Runs()
        async with working(runs) as queue:
            await queue.add(ONE)
            await until(lambda: runs.ended == [ONE])
            await quiet()
            assert runs.started == [ONE]

    asyncio.run(scenario())


def test_wishes_before_the_run_are_one_run() -> None:
    async def scenario() -> None:
        runs = Runs()
        queue = Queue(runs, time.monotonic, runs.failed)
        for _ in range(50):
            await queue.add(ONE)
        assert queue.depth() == 1
        worker = asyncio.create_task(queue.work())
        await until(lambda: runs.ended == [ONE])
        await quiet()
        assert runs.started == [ONE]
        worker.cancel()

    asyncio.run(scenario())


def test_a_key_never_has_two_runners_and_a_wish_while_it_runs_is_one_more_run() -> None:
    async def scenario() -> None:
        runs = Runs(gate=asyncio.Event())
        assert runs.gate is not None
        async with working(runs) as queue:
            await queue.add(ONE)
            await until(lambda: runs.started == [ONE])
            for _ in range(5):
                await queue.add(ONE)
            await quiet()
            assert (runs.started, runs.most) == ([ONE], 1)
            runs.gate.set()
            await until(lambda: len(runs.ended) == 2)
            await quiet()
            assert (runs.started, runs.most) == ([ONE, ONE], 1)

    asyncio.run(scenario())


def test_a_wish_while_it_runs_is_not_put_off_by_the_answer_of_that_run() -> None:
    async def scenario() -> None:
        async def much_later(_: Key) -> float | None:
            return 1000.0

        runs = Runs(gate=asyncio.Event(), answer=much_later)
        assert runs.gate is not None
        async with working(runs) as queue:
            await queue.add(ONE)
            await until(lambda: runs.started == [ONE])
            await queue.add(ONE)
            runs.gate.set()
            await until(lambda: len(runs.ended) == 2)

    asyncio.run(scenario())


def test_a_wish_brings_a_later_run_forward_and_never_puts_one_off() -> None:
    async def scenario() -> None:
        runs = Runs()
        async with working(runs) as queue:
            await queue.add(ONE, 1000.0)
            await queue.add(TWO, 0.02)
            await queue.add(TWO, 1000.0)
            await until(lambda: runs.ended == [TWO])
            await queue.add(ONE)
            await until(lambda: runs.ended == [TWO, ONE])

    asyncio.run(scenario())


def test_keys_come_in_the_order_of_their_times() -> None:
    async def scenario() -> None:
        runs = Runs()
        async with working(runs, workers=1) as queue:
            await queue.add(ONE, 0.3)
            await queue.add(TWO, 0.2)
            await queue.add(THREE, 0.1)
            assert queue.depth() == 0
            await until(lambda: len(runs.ended) == 3)
            assert runs.started == [THREE, TWO, ONE]

    asyncio.run(scenario())


def test_a_key_does_not_run_before_its_time() -> None:
    async def scenario() -> None:
        times: list[float] = []

        async def now(_: Key) -> float | None:
            times.append(time.monotonic())
            return None

        runs = Runs(answer=now)
        async with working(runs) as queue:
            asked = time.monotonic()
            await queue.add(ONE, 0.2)
            await until(lambda: bool(times))
            assert times[0] - asked >= 0.2

    asyncio.run(scenario())


def test_the_answer_says_when_to_come_again_and_none_forgets() -> None:
    async def scenario() -> None:
        answers = iter([0.0, 0.01, None])

        async def again(_: Key) -> float | None:
            return next(answers)

        runs = Runs(answer=again)
        async with working(runs) as queue:
            await queue.add(ONE)
            await until(lambda: len(runs.ended) == 3)
            await quiet()
            assert (len(runs.started), queue.depth(), queue.oldest_wait()) == (3, 0, 0.0)

    asyncio.run(scenario())


def test_a_slow_key_does_not_hold_up_the_others() -> None:
    async def scenario() -> None:
        forever = asyncio.Event()

        async def slow(key: Key) -> float | None:
            if key == ONE:
                await forever.wait()
            return None

        runs = Runs(answer=slow)
        async with working(runs, workers=2) as queue:
            await queue.add(ONE)
            await until(lambda: runs.started == [ONE])
            await queue.add(TWO)
            await queue.add(THREE)
            await until(lambda: runs.ended == [TWO, THREE])
            forever.set()
            await until(lambda: ONE in runs.ended)

    asyncio.run(scenario())


def test_an_error_does_not_end_the_worker_and_is_told() -> None:
    async def scenario() -> None:
        async def broken(key: Key) -> float | None:
            if key == ONE:
                raise RuntimeError("no")
            return None

        runs = Runs(answer=broken)
        async with working(runs, workers=1) as queue:
            await queue.add(ONE)
            await until(lambda: bool(runs.errors))
            await queue.add(TWO)
            await until(lambda: TWO in runs.ended)
            assert [(key, str(error)) for key, error in runs.errors] == [(ONE, "no")]

    asyncio.run(scenario())


def test_a_failed_key_comes_again_by_itself_after_a_pause() -> None:
    async def scenario() -> None:
        async def fails_once(_: Key) -> float | None:
            if len(runs.errors) == 0:
                raise RuntimeError("once")
            return None

        runs = Runs(answer=fails_once)
        async with working(runs) as queue:
            await queue.add(ONE)
            await until(lambda: len(runs.errors) == 1)
            failed_at = time.monotonic()
            await until(lambda: len(runs.ended) == 2)
            assert time.monotonic() - failed_at >= FIRST_BACKOFF / 2 * 0.9

    asyncio.run(scenario())


@pytest.mark.parametrize("failures", [1, 2, 3, 6, 7, 8, 50, 2000])
def test_pauses_double_up_to_a_limit_with_jitter(failures: int) -> None:
    runs = Runs()
    seen = []
    for _ in range(50):
        queue = Queue(runs, time.monotonic, runs.failed)
        queue._failures[ONE] = failures - 1
        seen.append(queue._backoff(ONE))
    full = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (min(failures, 11) - 1))
    assert all(full / 2 <= pause <= full for pause in seen)
    assert len(set(seen)) > 1


def test_a_success_begins_the_pauses_anew() -> None:
    async def scenario() -> None:
        async def works(_: Key) -> float | None:
            return None

        runs = Runs(answer=works)
        async with working(runs) as queue:
            queue._failures[ONE] = 9
            await queue.add(ONE)
            await until(lambda: runs.ended == [ONE])
            await quiet(0.02)
            assert queue._backoff(ONE) <= FIRST_BACKOFF

    asyncio.run(scenario())


def test_depth_and_age_count_what_is_due_and_not_what_runs() -> None:
    async def scenario() -> None:
        clock = [100.0]
        runs = Runs()
        queue = Queue(runs, lambda: clock[0], runs.failed)
        await queue.add(ONE)
        await queue.add(TWO, 50.0)
        clock[0] = 110.0
        assert (queue.depth(), queue.oldest_wait()) == (1, 10.0)
        clock[0] = 160.0
        assert (queue.depth(), queue.oldest_wait()) == (2, 60.0)

    asyncio.run(scenario())


def test_a_long_queue_is_not_stuck_while_keys_are_taken() -> None:
    async def scenario() -> None:
        clock = [100.0]
        queue = Queue(nothing, lambda: clock[0], lambda *_: None)
        for key in (ONE, TWO):
            await queue.add(key)
        clock[0] = 190.0
        assert queue.stuck() == 90.0
        worker = asyncio.create_task(queue.work())
        await until(lambda: queue.depth() == 0)
        worker.cancel()
        assert queue.stuck() == 0.0
        await queue.add(ONE)
        clock[0] = 200.0
        assert (queue.oldest_wait(), queue.stuck()) == (10.0, 10.0)

    async def nothing(_key: Key) -> float | None:
        return None

    asyncio.run(scenario())


def test_a_key_whose_worker_was_cancelled_is_taken_by_the_next_one() -> None:
    async def scenario() -> None:
        forever, seen = asyncio.Event(), []

        async def hang(key: Key) -> float | None:
            seen.append(key)
            if len(seen) == 1:
                await queue.add(key, 30.0)  # somebody wants it while it runs
                await forever.wait()
            return None

        queue = Queue(hang, lambda: 100.0, lambda *_: None)
        await queue.add(ONE)
        worker = asyncio.create_task(queue.work())
        await until(lambda: len(seen) == 1)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        worker = asyncio.create_task(queue.work())
        await until(lambda: len(seen) == 2)
        worker.cancel()

    asyncio.run(scenario())


def test_no_wake_up_is_lost_among_many_keys_and_workers() -> None:
    """Every value that was set before a wish is seen by a later run of its key."""

    async def scenario() -> None:
        keys = [Key("models", f"m{number}") for number in range(20)]
        wanted, seen = dict.fromkeys(keys, 0), dict.fromkeys(keys, 0)

        async def see(key: Key) -> float | None:
            value = wanted[key]
            await asyncio.sleep(0.0005)
            seen[key] = value
            return None

        runs = Runs(answer=see)
        async with working(runs, workers=5) as queue:
            for turn in range(1, 31):
                for key in keys:
                    wanted[key] = turn
                    await queue.add(key)
                await asyncio.sleep(0.0003)
            await until(lambda: seen == wanted)
        assert runs.most == 1
        assert runs.errors == []

    asyncio.run(scenario())


async def order(hurry: set[Key], due: dict[Key, float], now: float) -> list[Key]:
    """Return the order in which keys are taken at a time, by one worker."""
    clock, taken = [100.0], []

    async def take(key: Key) -> float | None:
        taken.append(key)
        return None

    queue = Queue(take, lambda: clock[0], lambda *_: None, lambda key: key in hurry)
    for key, delay in due.items():
        await queue.add(key, delay)
    clock[0] += now
    worker = asyncio.create_task(queue.work())
    await until(lambda: queue.depth() == 0 and not queue._running)
    worker.cancel()
    return taken


def test_those_that_hurry_go_before_those_that_were_due_earlier() -> None:
    assert asyncio.run(order({THREE}, {ONE: 0.0, TWO: 1.0, THREE: 2.0}, 3.0)) == [THREE, ONE, TWO]


def test_who_hurries_is_not_taken_before_it_is_due() -> None:
    assert asyncio.run(order({THREE}, {ONE: 0.0, THREE: 9.0}, 3.0)) == [ONE]


def test_those_that_hurry_do_not_starve_the_others() -> None:
    assert asyncio.run(order({TWO, THREE}, {ONE: 0.0, TWO: PATIENCE - 1.0, THREE: PATIENCE + 1.0}, 20.0)) == [
        TWO,
        ONE,
        THREE,
    ]
