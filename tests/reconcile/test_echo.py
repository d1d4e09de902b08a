"""A watch that does not show what was written is deaf."""

import pytest

from serinus.reconcile.echo import Echo
from serinus.reconcile.queue import Key

SHOP, BLOG = Key("space", "shop"), Key("space", "blog")


@pytest.fixture
def time() -> list[float]:
    return [100.0]


@pytest.fixture
def echo(time: list[float]) -> Echo:
    return Echo(lambda: time[0])


def test_silence_grows_from_the_oldest_write_that_was_not_shown(echo: Echo, time: list[float]) -> None:
    echo.written(SHOP, 5)
    time[0] = 110.0
    echo.written(SHOP, 6)
    echo.written(BLOG, 7)
    time[0] = 130.0
    assert echo.silence() == 30.0
    echo.heard(SHOP, 5)
    assert echo.silence() == 20.0
    echo.heard(BLOG, 9)
    assert echo.silence() == 0.0


def test_an_older_version_is_not_the_echo(echo: Echo, time: list[float]) -> None:
    echo.written(SHOP, 5)
    echo.heard(SHOP, 4)
    time[0] = 160.0
    assert echo.silence() == 60.0


def test_an_echo_may_come_before_the_answer(echo: Echo, time: list[float]) -> None:
    echo.heard(SHOP, 5)
    echo.written(SHOP, 5)
    time[0] = 160.0
    assert echo.silence() == 0.0


def test_nothing_is_owed_of_what_is_gone(echo: Echo, time: list[float]) -> None:
    echo.written(SHOP, 5)
    echo.forget(SHOP)
    time[0] = 160.0
    assert echo.silence() == 0.0
    assert len(echo) == 0
