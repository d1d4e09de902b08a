"""When `--wait` ends, and how."""

from __future__ import annotations

from typing import Any

import pytest

from serinus.api.status import Phase
from serinus.cli.views.ending import Ending, ending
from serinus.rollout.report import Problem

from .models import at, facts, model, scenes

SCENES = scenes()
ENDED = {"stable": Ending.PROMOTED, "rolled-back": Ending.TAKEN_BACK, "refused": Ending.REFUSED}


@pytest.mark.parametrize("name", SCENES)
def test_a_rollout_has_ended_when_it_stands_still_for_good(name: str) -> None:
    assert ending(SCENES[name]) is ENDED.get(name)


def test_a_spec_that_nobody_has_looked_at_has_not_ended() -> None:
    found: dict[str, Any] = model(at(Phase.STABLE))
    found["metadata"]["generation"] += 1
    assert ending(facts(found)) is None


def test_what_may_still_come_is_waited_for() -> None:
    missing = Problem("GatewayMissing", "There is no Gateway public")
    assert ending(facts(model(at(Phase.STABLE), problem=missing))) is None


def test_a_first_revision_that_never_gets_ready_has_ended() -> None:
    late = at(Phase.INITIALIZING, reason="ProgressDeadlineExceeded", message="No pod was ready after 10 m")
    assert ending(facts(model(late))) is Ending.REFUSED
