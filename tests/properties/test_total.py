"""`advance` has an answer for everything: whatever was persisted, whatever is seen."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import Outcome
from serinus.api.status import FailedRevision, Phase, RolloutState, Status, WeightChange
from serinus.rollout.capacity import sizes
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import advance
from serinus.rollout.observation import Observation, Workload
from serinus.rollout.report import Facts, status
from serinus.rollout.safety import UNDER_TEST
from serinus.traffic.split import PENDING, SeenSplit

from .cluster import REVISIONS, START, verdict, wanted

UNKNOWN = "ffffffffff"
names = st.sampled_from([*REVISIONS, UNKNOWN, ""])
times = st.floats(0, 2 * START).map(lambda at: round(at, 3))
weights = st.integers(0, 100)
commands = st.one_of(
    st.just(""),
    st.builds(
        "{}/{}/1".format,
        st.sampled_from(["promote", "abort", "retry", "pause", "resume", "skip-step", "x"]),
        names,
    ),
    st.text(max_size=20),
)

states = st.builds(
    RolloutState,
    phase=st.sampled_from(Phase),
    control=names,
    candidate=names,
    control_slot=st.integers(0, 1),
    step=st.integers(0, 5),
    weight=weights,
    since=times,
    live_since=st.none() | times,
    weights=st.lists(st.builds(WeightChange, time=times, weight=weights), max_size=4),
    short_since=st.none() | times,
    takeover=st.booleans(),
    paused=st.booleans(),
    forced=st.booleans(),
    resumed_step=st.integers(-1, 3),
    hold=st.sampled_from(["", "Blind", "Inconclusive", "Nonsense"]),
    hold_since=st.none() | times,
    overdue=st.booleans(),
    reason=st.sampled_from(["", "ErrorRate"]),
    failed=st.lists(st.builds(FailedRevision, revision=names, reason=st.just("R"), time=times), max_size=3),
    last_command=commands,
)
shares = st.dictionaries(names, weights, max_size=3)
splits = st.builds(
    SeenSplit,
    shares,
    live=st.booleans(),
    reason=st.sampled_from(["", PENDING]),
    open=st.booleans(),
    slots=st.lists(st.tuples(names, weights), max_size=2).map(tuple),
)
observations = st.builds(
    Observation,
    target=st.sampled_from(REVISIONS),
    stamped=st.sampled_from(["", *REVISIONS]),
    revisions=st.just(frozenset(REVISIONS)),
    workloads=st.dictionaries(
        names,
        st.builds(Workload, replicas=st.integers(0, 9), ready=st.integers(0, 9), restarts=st.integers(0, 4)),
        max_size=4,
    ),
    split=splits,
    gateway=st.booleans(),
    service_revisions=st.frozensets(names, max_size=2),
    verdict=st.sampled_from([None, *Outcome]).map(verdict),
    metrics_problem=st.sampled_from(["", "Prometheus is down"]),
    command=commands,
    first_look=st.booleans(),
)
policies = st.sampled_from(["", "Hold", "Promote", "Rollback"])
MANY = settings(max_examples=250)


@MANY
@given(states, observations, times, st.booleans(), policies)
def test_every_state_and_observation_has_an_answer(
    state: RolloutState,
    seen: Observation,
    now: float,
    paused: bool,  # noqa: FBT001
    policy: str,
) -> None:
    spec = wanted(gateway=seen.gateway, paused=paused, policy=policy)
    step = advance(spec, state, seen, now)

    assert 0 <= step.state.traffic <= 100
    assert sum(weight for _, weight in split(step.state).percent) == 100
    assert step.state.control in REVISIONS
    assert step.stamp in {"", step.state.control, step.state.candidate}
    assert advance(spec, state, seen, now) == step


@MANY
@given(states, observations, times, st.booleans())
def test_every_answer_can_be_built_reported_and_read_back(
    state: RolloutState,
    seen: Observation,
    now: float,
    autoscaled: bool,  # noqa: FBT001
) -> None:
    spec = wanted(gateway=seen.gateway, autoscaled=autoscaled)
    after = advance(spec, state, seen, now).state
    counts = sizes(spec, after, seen, now)
    assert set(counts) == {after.control, after.candidate} - {""}
    assert set(counts) <= seen.revisions
    assert all(size.pods >= 0 and (size.most is None or 0 < size.pods <= size.most) for size in counts.values())
    assert set(behind_service(spec, after, gateway=seen.gateway)) <= set(counts)

    told = status(Facts("m", 1, spec, after, seen, {}, (), None, now), Status(), {})
    wire = json.loads(json.dumps(told.model_dump(mode="json", by_alias=True, exclude_none=True)))
    assert type(told).model_validate(wire).model_dump(mode="json") == told.model_dump(mode="json")


@MANY
@given(states, observations, times, policies)
def test_a_world_that_stands_still_comes_to_rest(
    state: RolloutState, seen: Observation, now: float, policy: str
) -> None:
    """A flip-flop would write status, and traffic, for ever."""
    spec = wanted(gateway=seen.gateway, policy=policy)
    for _ in range(30):
        step = advance(spec, state, seen, now)
        if step.state == state and not step.events and not step.stamp:
            return
        state = step.state
        seen = replace(seen, first_look=False, stamped=step.stamp or seen.stamped)
    raise AssertionError(f"still {state.phase} at {state.traffic} % after 30 transitions")


@MANY
@given(states, observations, times, policies)
def test_no_weight_is_raised_while_a_hold_or_the_end_of_the_time_says_hold(
    state: RolloutState, seen: Observation, now: float, policy: str
) -> None:
    """Only a person's command, or a stable revision without pods, gives a blind or late canary more."""
    spec = wanted(gateway=seen.gateway, policy=policy)
    seen = replace(seen, command="", first_look=False)
    step = advance(spec, state, seen, now)
    late = policy == "Hold" and bool(state.weights) and now - state.weights[0].time >= 600
    blind = state.hold == "Blind" and not state.forced
    raised = step.state.weight > state.weight and step.state.candidate == state.candidate
    if state.phase in {Phase.PREPARING, Phase.STEPPING} and (late or blind):
        assert not raised


@MANY
@given(states, observations, times)
def test_a_failed_verdict_takes_all_traffic_in_one_step(state: RolloutState, seen: Observation, now: float) -> None:
    spec = wanted(gateway=seen.gateway)
    seen = replace(seen, verdict=verdict(Outcome.FAIL), first_look=False)
    trusted = advance(spec, state, replace(seen, verdict=None, metrics_problem=""), now).state
    if trusted.phase not in UNDER_TEST or not seen.stamped or trusted.stable != seen.stamped:
        return
    if not seen.workload(trusted.control).ready and seen.workload(trusted.candidate).ready:
        return  # a bad version serves better than none
    step = advance(spec, trusted, seen, now)
    if trusted.takeover and step.state.phase in UNDER_TEST:
        step = advance(spec, step.state, seen, now)  # the control is back, or nobody is left
    assert (step.state.phase, step.state.traffic) == (Phase.ROLLING_BACK, 0)
    assert step.state.has_failed(trusted.candidate)


@MANY
@given(states, observations, times)
def test_a_rollback_never_raises_and_a_revision_that_failed_is_not_started(
    state: RolloutState, seen: Observation, now: float
) -> None:
    step = advance(wanted(gateway=seen.gateway), state, seen, now)
    if step.state.phase is Phase.ROLLING_BACK:
        assert step.state.traffic == 0 or state.phase is Phase.ROLLING_BACK
    if [event.reason for event in step.events] == ["RolloutStarted"]:
        assert not state.has_failed(step.state.candidate)
        assert step.state.traffic == 0
