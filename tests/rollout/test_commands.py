"""One annotation, `<verb>/<revision>/<nonce>`, that acts once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase
from serinus.rollout.command import MAX_COMMAND, Command, Verb, parse
from serinus.rollout.machine import advance
from serinus.rollout.orders import obey
from serinus.rollout.step import Look, Step

from .support import (
    BLIND,
    FAIL,
    INCONCLUSIVE,
    NEW,
    NEWER,
    NOW,
    OLD,
    UNDER_TEST,
    UNDER_WAY,
    World,
    failed_revisions,
    last,
    pods,
    reasons,
    seen,
    settle,
    spec,
    state,
)  # fmt: skip

VERBS = [*Verb]
FIT = {
    Verb.PROMOTE: set(UNDER_WAY),
    Verb.ABORT: set(UNDER_TEST),
    Verb.RETRY: {Phase.ROLLED_BACK},
    Verb.PAUSE: set(UNDER_WAY),
    Verb.RESUME: set(UNDER_WAY),
    Verb.SKIP_STEP: {Phase.STEPPING},
}


def told(phase: Phase, text: str, **update: object) -> Step:
    at = state(phase, **update)
    return advance(spec(), at, replace(seen(at), command=text, target=at.candidate or NEW), NOW)


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_is_read_as_it_is_written(verb: Verb) -> None:
    assert parse(f"{verb}/{NEW}/17") == Command(verb, NEW, f"{verb}/{NEW}/17")


@pytest.mark.parametrize(
    "text",
    ["promote", f"promote/{NEW}", f"promote/{NEW}/", "promote//1", f"/{NEW}/1", f"Promote/{NEW}/1", f"delete/{NEW}/1",
     f"promote/{NEW}/1/2", " ", "//", "\n", "promote/\x00"],
)  # fmt: skip
def test_a_malformed_command_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not <verb>/<revision>/<nonce> with a verb of promote, abort"):
        parse(text)
    step = told(Phase.STEPPING, text)
    assert reasons(step) == ["CommandIgnored"]
    assert step.state == state(Phase.STEPPING, last_command=text)


@pytest.mark.parametrize("phase", [*Phase])
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_acts_in_its_phases_and_is_an_event_elsewhere(verb: Verb, phase: Phase) -> None:
    at = state(phase)
    look = Look(spec(), at, replace(seen(at), command=f"{verb}/{NEW}/1"), NOW)
    step = obey(look)
    assert step is not None
    assert (reasons(step) != ["CommandIgnored"]) == (phase in FIT[verb])
    assert step.state.last_command == f"{verb}/{NEW}/1"
    if phase not in FIT[verb]:
        assert step.state == at.model_copy(update={"last_command": f"{verb}/{NEW}/1"})


@pytest.mark.parametrize("phase", UNDER_TEST)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", [OLD, NEWER, "x"])
def test_a_wrong_revision_is_an_event_and_nothing_else(verb: Verb, phase: Phase, wrong: str) -> None:
    step = told(phase, f"{verb}/{wrong}/1")
    assert reasons(step) == ["CommandIgnored"]
    assert wrong in step.events[0].message
    assert step.state == state(phase, last_command=f"{verb}/{wrong}/1")


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_acts_once_and_its_text_again_with_another_nonce(verb: Verb) -> None:
    phase = Phase.ROLLED_BACK if verb is Verb.RETRY else Phase.STEPPING
    first = told(phase, f"{verb}/{NEW}/1")
    at = state(phase, last_command=f"{verb}/{NEW}/1")
    assert obey(Look(spec(), at, replace(seen(at), command=f"{verb}/{NEW}/1"), NOW)) is None
    assert reasons(told(phase, f"{verb}/{NEW}/2", last_command=f"{verb}/{NEW}/1")) == reasons(first)


def test_an_endless_annotation_is_remembered_in_part_and_told_once() -> None:
    text = "promote/" + "x" * 200_000
    at = state(Phase.STEPPING, since=NOW, live_since=NOW)
    steps = settle(spec(), at, replace(seen(at), command=text))
    assert [reasons(step) for step in steps] == [["CommandIgnored"]]
    assert len(steps[0].state.last_command) == MAX_COMMAND
    assert len(steps[0].events[0].message) < 1000


# abort


@pytest.mark.parametrize("phase", UNDER_TEST)
@pytest.mark.parametrize("also", ["", "paused", "blind", "passing"])
def test_abort_takes_the_traffic_back_whatever_else_goes_on(phase: Phase, also: str) -> None:
    step = told(phase, f"abort/{NEW}/1", paused=also == "paused", hold="Blind" if also == "blind" else "")
    assert (step.state.phase, step.state.traffic) == (Phase.ROLLING_BACK, 0)
    assert failed_revisions(step.state) == {NEW}
    assert step.stamp == (OLD if phase is Phase.WATCHING else "")


def test_abort_beats_promote() -> None:
    """Promotion by command is on its way when the abort comes."""
    promoted = told(Phase.STEPPING, f"promote/{NEW}/1").state
    aborted = advance(spec(), promoted, replace(seen(promoted), command=f"abort/{NEW}/2"), NOW)
    assert (aborted.state.phase, aborted.state.forced) == (Phase.ROLLING_BACK, False)

    too_late = advance(spec(), aborted.state, replace(seen(aborted.state), command=f"promote/{NEW}/3"), NOW)
    assert reasons(too_late) == ["CommandIgnored"]
    assert too_late.state.phase is Phase.ROLLING_BACK


# promote


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.STEPPING])
@pytest.mark.parametrize("verdict", [BLIND, INCONCLUSIVE, None], ids=["blind", "inconclusive", "no verdict"])
def test_promote_skips_what_is_unknown(phase: Phase, verdict: object) -> None:
    world = World(spec(), state(phase), NEW, verdict=verdict, command=f"promote/{NEW}/1")
    world.run(90)
    assert world.state.phase is Phase.WATCHING
    assert 95 in world.weights


def test_promote_does_not_skip_what_is_known_to_be_bad() -> None:
    step = advance(
        spec(),
        state(Phase.STEPPING),
        replace(seen(state(Phase.STEPPING), verdict=FAIL), command=f"promote/{NEW}/1"),
        NOW,
    )
    assert step.state.phase is Phase.ROLLING_BACK


def test_promote_does_not_skip_the_pods() -> None:
    at = told(Phase.STEPPING, f"promote/{NEW}/1").state
    short = replace(seen(at, pods={NEW: pods(2, of=4)}), command=f"promote/{NEW}/1")
    assert {step.state.weight for step in settle(spec(), at, short)} == {5}


def test_promote_ends_a_pause_by_command_but_not_one_by_spec() -> None:
    at = told(Phase.STEPPING, f"promote/{NEW}/1", paused=True).state
    assert (at.phase, at.paused) == (Phase.PROMOTING, False)
    world = replace(seen(at), command=f"promote/{NEW}/1", service_revisions=frozenset({OLD}))
    assert settle(spec(), at, world)[0].state.weight == 95
    assert settle(spec(rollout={"paused": True}), at, world) == []


# pause, resume


def test_pause_holds_the_weight_and_resume_goes_on() -> None:
    at = told(Phase.STEPPING, f"pause/{NEW}/1").state
    assert settle(spec(), at, replace(seen(at), command=f"pause/{NEW}/1"), NOW + 100_000) == []

    resumed = advance(spec(), at, replace(seen(at), command=f"resume/{NEW}/2"), NOW + 100_000)
    assert reasons(resumed) == ["ResumedByCommand"]
    steps = settle(spec(), resumed.state, replace(seen(resumed.state), command=f"resume/{NEW}/2"), NOW + 100_000)
    assert [step.state.weight for step in steps][:2] == [5, 25]


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_a_spec_that_is_paused_raises_nothing(phase: Phase) -> None:
    at = state(phase, weight=0 if phase is Phase.PREPARING else 5)
    world = seen(at, service_revisions=frozenset({OLD}))
    steps = settle(spec(rollout={"paused": True}), at, world)
    assert all((step.state.phase, step.state.weight) == (phase, at.weight) for step in steps)


def test_a_spec_that_is_paused_starts_nothing_and_starts_later() -> None:
    at = state(Phase.STABLE)
    assert settle(spec(rollout={"paused": True}), at, seen(at, target=NEW)) == []
    assert settle(spec(), at, seen(at, target=NEW))[0].state.phase is Phase.PREPARING


PAUSE = {"steps": [{"weight": 5, "pause": True}, {"weight": 50}]}


def test_a_step_with_a_pause_waits_for_resume_after_its_time() -> None:
    wanted, at = spec(rollout=PAUSE), state(Phase.STEPPING)
    assert settle(wanted, at, seen(at), NOW + 100_000) == []
    resumed = replace(seen(at), command=f"resume/{NEW}/1")
    steps = settle(wanted, at, resumed)
    assert [reasons(step) for step in steps][:3] == [["ResumedByCommand"], ["StepPassed"], ["WeightRaised"]]


def test_a_resume_before_the_time_is_over_counts_for_this_step_alone() -> None:
    paused_twice = {"steps": [{"weight": 5, "pause": True}, {"weight": 50, "pause": True}]}
    world = World(spec(rollout=paused_twice), state(Phase.STEPPING, live_since=NOW), NEW, command=f"resume/{NEW}/1")
    world.run(1000)
    assert (world.state.phase, world.state.step, world.state.weight) == (Phase.STEPPING, 1, 50)


def test_a_resume_while_pods_start_does_not_use_up_the_pause_of_the_first_step() -> None:
    at = state(Phase.PREPARING, paused=True)
    world = World(spec(rollout=PAUSE), at, NEW, command=f"resume/{NEW}/1")
    world.run(1000)
    assert (world.state.phase, world.state.step) == (Phase.STEPPING, 0)


def test_skip_step_goes_past_time_evidence_and_pause() -> None:
    wanted, at = spec(rollout=PAUSE), state(Phase.STEPPING, live_since=NOW)
    world = replace(seen(at, verdict=INCONCLUSIVE), command=f"skip-step/{NEW}/1")
    steps = settle(wanted, at, world)
    assert reasons(steps[0]) == ["StepSkipped"]
    assert (steps[0].state.step, steps[0].state.weight) == (1, 5)
    assert any(step.state.weight == 50 for step in steps)


def test_skipping_the_last_step_promotes() -> None:
    step = told(Phase.STEPPING, f"skip-step/{NEW}/1", step=2, weight=50)
    assert (step.state.phase, step.state.forced) == (Phase.PROMOTING, False)


# retry


def test_retry_tries_a_revision_again_that_was_taken_back() -> None:
    at = state(Phase.ROLLED_BACK)
    world = World(spec(), at, NEW, command=f"retry/{NEW}/1")
    world.run(60)
    assert world.events[:2] == ["Retried", "RolloutStarted"]
    assert world.state.candidate == NEW
    assert failed_revisions(world.state) == set()


def test_retry_of_a_revision_that_did_not_fail_is_ignored() -> None:
    at = state(Phase.ROLLED_BACK)
    step = advance(spec(), at, replace(seen(at, target=NEW), command=f"retry/{NEWER}/1"), NOW)
    assert reasons(step) == ["CommandIgnored"]
    assert last([step], at).failed == at.failed
