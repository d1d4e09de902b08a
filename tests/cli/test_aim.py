"""A command is sent where the operator would obey it, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.status import Phase
from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views.aim import aim
from serinus.rollout.command import Verb
from serinus.rollout.orders import obey
from serinus.rollout.step import Look
from tests.rollout.support import NEW, NEWER, NOW, OLD, seen, spec

from .models import SPEC, at, facts, model

PAUSES = {"rollout": {"steps": [{"weight": 5, "pause": True}]}}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("verb", Verb)
def test_what_is_sent_is_obeyed_and_what_is_refused_would_be_ignored(verb: Verb, phase: Phase) -> None:
    rollout = at(phase)
    found = facts(model(rollout, spec=PAUSES))
    sent, revision = True, NEW
    try:
        revision = aim(verb, found).revision
    except Trouble as trouble:
        sent, code = False, trouble.exit_code
    assert sent or code == Exit.UNFIT
    look = Look(spec(), rollout, replace(seen(rollout), command=f"{verb}/{revision}/1"), NOW)
    step = obey(look)
    assert step is not None
    assert ("CommandIgnored" not in [event.reason for event in step.events]) is sent


def test_a_command_to_a_model_that_nobody_looked_at_says_so() -> None:
    with pytest.raises(Trouble, match="has not looked at it yet"):
        aim("abort", facts({**model(at(Phase.STABLE)), "status": {}}))


REFUSED: list[tuple[str, Phase, str]] = [
    ("abort", Phase.STABLE, f"at rest, revision {OLD} serves all traffic; apply a new version"),
    ("promote", Phase.ROLLED_BACK, r"taken back \(ErrorRateTooHigh\); `serinus retry recommender`"),
    ("promote", Phase.WATCHING, "promoted already"),
    ("skip-step", Phase.WATCHING, "`serinus abort recommender` would take it back"),
    ("abort", Phase.ROLLING_BACK, "is being taken back"),
    ("retry", Phase.STEPPING, "only what was taken back"),
    ("skip-step", Phase.PREPARING, "it is Preparing, and only a canary on its steps"),
    ("promote", Phase.QUEUED, "its next revision waits for other rollouts"),
    ("pause", Phase.INITIALIZING, "its first revision"),
]


@pytest.mark.parametrize(("verb", "phase", "told"), REFUSED)
def test_what_does_not_fit_says_where_the_rollout_stands_and_what_to_do(verb: str, phase: Phase, told: str) -> None:
    with pytest.raises(Trouble, match=told):
        aim(verb, facts(model(at(phase))))


def stepping(rollout: dict[str, Any] | None = None, **update: Any) -> Any:
    steps = {"rollout": {"steps": [{"weight": 5}], **(rollout or {})}}
    return facts(model(at(Phase.STEPPING, **update), spec=steps))


def test_a_pause_and_a_resume_that_change_nothing_are_not_sent() -> None:
    assert "paused already" in aim("pause", stepping(paused=True)).done
    assert "is not paused" in aim("resume", stepping()).done
    assert not aim("resume", stepping(paused=True)).done


def test_a_pause_by_the_spec_is_ended_in_the_spec() -> None:
    with pytest.raises(Trouble, match=r"set spec\.rollout\.paused to false"):
        aim("resume", stepping({"paused": True}))


def test_a_resume_may_approve_a_step_beforehand() -> None:
    assert not aim("resume", facts(model(at(Phase.STEPPING), spec=PAUSES))).done


def test_retry_means_the_failed_revision_that_the_spec_asks_for_or_the_last_one() -> None:
    found = facts(model(at(Phase.ROLLED_BACK), spec=SPEC))
    assert aim("retry", found).revision == NEW
    assert aim("retry", found, NEWER).revision == NEWER
