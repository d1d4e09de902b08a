"""When a model is looked at again: at news, or when time alone changes something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.status import Phase
from serinus.reconcile.pace import RESYNC, SHORTEST, TICK, WAITING, next_look
from serinus.rollout.machine import advance
from serinus.rollout.step import Step
from tests.rollout.support import NOW, PASS, seen, spec, state

STEPS = {"steps": [{"weight": 5, "minDuration": "60s"}, {"weight": 25}]}


def stepping(live_for: float, due: float) -> float:
    at = state(Phase.STEPPING, live_since=NOW - live_for)
    return next_look(spec(rollout=STEPS), at, seen(at, verdict=PASS), due, NOW, waits=False)


def test_a_step_waits_for_the_news_of_the_next_scrape() -> None:
    assert stepping(10.0, NOW + 3.2) == pytest.approx(3.2)
    assert stepping(10.0, NOW + 60.0) == WAITING
    assert stepping(10.0, NOW - 1.0) == SHORTEST


def test_a_judge_that_cannot_tell_is_asked_every_second() -> None:
    assert stepping(10.0, 0.0) == TICK


def test_a_step_whose_time_ends_soon_is_looked_at_every_second() -> None:
    assert stepping(57.0, NOW + 4.0) == TICK


def test_what_drains_is_woken_or_looked_at_when_it_is_drained() -> None:
    at = state(Phase.ROLLING_BACK, live_since=NOW - 1.0)
    assert next_look(spec(), at, seen(at), 0.0, NOW, waits=False) == WAITING
    at = state(Phase.ROLLING_BACK, live_since=NOW - 28.0)
    assert next_look(spec(), at, seen(at), 0.0, NOW, waits=False) == TICK


def test_a_model_at_rest_is_left_alone_unless_something_is_in_its_way() -> None:
    at = state(Phase.STABLE)
    assert next_look(spec(), at, seen(at), 0.0, NOW, waits=False) == RESYNC
    assert next_look(spec(), at, seen(at), 0.0, NOW, waits=True) == WAITING


@given(
    phase=st.sampled_from([Phase.PREPARING, Phase.STEPPING, Phase.PROMOTING, Phase.WATCHING, Phase.ROLLING_BACK]),
    live_for=st.floats(0.0, 1000.0),
    due=st.floats(NOW - 100.0, NOW + 100.0),
)
def test_time_alone_changes_nothing_long_before_the_next_look(phase: Phase, live_for: float, due: float) -> None:
    """Nothing that only time brings on is late by more than a second."""
    at = state(phase, live_since=NOW - live_for, since=NOW - live_for)
    sight = seen(at, verdict=PASS)
    asked = spec(rollout=STEPS)
    wait = next_look(asked, at, sight, due, NOW, waits=False)
    late = wait - TICK
    if late > 0 and advance(asked, at, sight, NOW) == Step(at):
        assert advance(asked, at, sight, NOW + late) == Step(at)
