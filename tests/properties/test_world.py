"""The state machine in a world that changes under it, with an operator that dies at any write."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from serinus.analysis import Outcome
from serinus.api.status import Phase, RolloutState
from serinus.rollout.safety import UNDER_TEST

from .cluster import ALL_WRITES, REVISIONS, Cluster

revisions = st.sampled_from(REVISIONS)
verbs = st.sampled_from(["promote", "abort", "retry", "pause", "resume", "skip-step"])
outcomes = st.sampled_from([None, *Outcome])
ALLOWED = {10, 50, 95, 100}


class Rollouts(RuleBasedStateMachine):
    """One ModelDeployment, everything that can happen to it, and what must stay true."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Cluster()
        self.taken_back: set[str] = set()
        self.nonce = 0

    @initialize(gateway=st.booleans(), running=st.booleans())
    def begin(self, gateway: bool, running: bool) -> None:  # noqa: FBT001
        self.world.gateway = gateway
        if running:
            for revision in REVISIONS[:2]:
                self.world.set_ready(revision, 3)
            self.world.begin()
            self.world.target = REVISIONS[1]

    # What people, pods and metrics do

    @rule(revision=revisions)
    def apply(self, revision: str) -> None:
        self.world.target = revision

    @rule(revision=revisions, count=st.integers(0, 3))
    def pods_change(self, revision: str, count: int) -> None:
        self.world.set_ready(revision, count)

    @rule(revision=revisions, count=st.integers(0, 4))
    def containers_restart(self, revision: str, count: int) -> None:
        self.world.restarts[revision] = count

    @rule(outcome=outcomes)
    def judge_says(self, outcome: Outcome | None) -> None:
        self.world.outcome = outcome

    @rule(problem=st.sampled_from(["", "Prometheus is down"]))
    def metrics(self, problem: str) -> None:
        self.world.metrics_problem = problem

    @rule(live=st.booleans())
    def gateway_follows(self, live: bool) -> None:  # noqa: FBT001
        self.world.live = live

    @rule(paused=st.booleans())
    def spec_paused(self, paused: bool) -> None:  # noqa: FBT001
        self.world.paused = paused

    @rule(verb=verbs, revision=revisions)
    def command(self, verb: str, revision: str) -> None:
        self.nonce += 1
        self.world.command = f"{verb}/{revision}/{self.nonce}"

    @rule()
    def status_is_wiped(self) -> None:
        self.world.state = RolloutState()
        self.world.first_look = True
        self.taken_back.clear()

    @rule()
    def operator_restarts(self) -> None:
        self.world.first_look = True

    # What the operator does

    @rule(seconds=st.sampled_from([0.0, 1.0, 40.0, 700.0]))
    def look(self, seconds: float) -> None:
        self.check_look(seconds, ALL_WRITES)

    @rule(seconds=st.sampled_from([0.0, 40.0]), writes=st.integers(0, 3))
    def die_while_writing(self, seconds: float, writes: int) -> None:
        self.check_look(seconds, writes)
        self.world.first_look = True

    @rule(seconds=st.sampled_from([0.0, 40.0, 700.0]))
    def look_until_rest(self, seconds: float) -> None:
        for _ in range(30):
            before = self.world.state
            if not self.check_look(seconds, ALL_WRITES) and self.world.state == before:
                return
            seconds = 0.0
        raise AssertionError(f"no rest: {self.world.outline}")

    def check_look(self, seconds: float, writes: int) -> bool:
        """Look once and check what may never happen in a transition; return whether it told something."""
        world, before = self.world, self.world.state
        world.now += seconds
        first, stamped, was_open = world.first_look, world.stamped, world.is_open
        seen = world.observe()
        step = world.look(writes)
        reasons = [event.reason for event in step.events]

        if step.state.weight > before.weight:
            assert step.state.weight in ALLOWED
            assert world.outcome is not Outcome.FAIL or seen.verdict is None
            assert before.forced or not world.metrics_problem
            assert not world.paused or before.phase is Phase.WATCHING
            assert world.ready.get(step.state.candidate)
        steady = not first and stamped and before.stable == stamped and before.phase in UNDER_TEST
        if steady and seen.verdict and seen.verdict.outcome is Outcome.FAIL:
            assert step.state.traffic == 0
            assert step.state.phase is Phase.ROLLING_BACK
        if reasons == ["RolloutStarted"]:
            assert step.state.candidate not in self.taken_back
        if step.stamp:
            assert step.stamp in world.were_ready
        assert world.is_open or not was_open
        if world.state == step.state:  # it was written
            self.remember(before, reasons)
        return bool(reasons)

    def remember(self, before: RolloutState, reasons: list[str]) -> None:
        state = self.world.state
        begun = state.phase is Phase.ROLLING_BACK and before.phase in UNDER_TEST
        if begun and not {"Superseded", "Reverted"} & set(reasons):
            self.taken_back.add(state.candidate)
        if reasons == ["Retried"]:
            self.taken_back.discard(self.world.command.split("/")[1])
        if state.phase is Phase.STABLE and self.world.target == state.control and not state.failed:
            self.taken_back.clear()

    # What must be true at any moment

    @invariant()
    def weights_are_shares(self) -> None:
        route = self.world.route
        if route is not None:
            assert 0 <= route.weight <= 100
            assert sum(weight for _, weight in route.percent) == 100

    @invariant()
    def traffic_goes_to_revisions_that_were_ready(self) -> None:
        if self.world.route is not None and self.world.stamps:  # before, nobody is served anyway
            exposed = {revision for revision, weight in self.world.route.percent if weight}
            assert exposed <= self.world.were_ready

    @invariant()
    def at_most_two_revisions_live(self) -> None:
        assert len({self.world.state.control, self.world.state.candidate} - {""}) <= 2
        assert len(self.world.service) <= 2

    @invariant()
    def once_written_the_stable_of_status_is_the_one_on_record(self) -> None:
        world = self.world
        if world.stamps and not world.first_look:
            assert world.state.stable == world.stamped

    @invariant()
    def the_control_has_what_the_candidate_has_not(self) -> None:
        world = self.world
        if world.route is not None and not world.first_look and world.stamps:
            assert world.route.control == world.state.control
            assert world.route.weight == (world.state.traffic if world.state.candidate else 0)


Rollouts.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestRollouts = Rollouts.TestCase


# A crash anywhere ends where no crash would have ended


def play(gateway: bool, outcome: Outcome, ready: int, crashes: dict[int, int]) -> Cluster:  # noqa: FBT001
    """Roll out a second revision; `crashes` says after how many writes which look dies."""
    world = Cluster(gateway=gateway)
    world.set_ready(REVISIONS[0], 3)
    world.begin()
    world.target, world.outcome = REVISIONS[1], outcome
    world.set_ready(REVISIONS[1], ready)
    for number in range(150):
        world.now += 10
        world.look(crashes.get(number, ALL_WRITES))
        if number in crashes:
            world.first_look = True
    world.settle()
    return world


@settings(max_examples=25)
@given(
    st.booleans(),
    st.sampled_from([*Outcome]),
    st.sampled_from([0, 1, 3]),
    st.dictionaries(st.integers(0, 120), st.integers(0, 4), max_size=12),
)
def test_a_crash_at_any_write_ends_where_no_crash_would_have(
    gateway: bool,  # noqa: FBT001
    outcome: Outcome,
    ready: int,
    crashes: dict[int, int],
) -> None:
    got, expected = play(gateway, outcome, ready, crashes).outline, play(gateway, outcome, ready, {}).outline
    if outcome is Outcome.BLIND and got[0] is Phase.PREPARING:
        # Died between status and route: the lower weight is believed, and a blind judge lets nobody raise it again.
        got, expected = got[1:3], expected[1:3]
    assert got == expected


def test_the_worlds_ends_differ_by_what_the_judge_says() -> None:
    ends = {outcome: play(True, outcome, 3, {}).outline for outcome in Outcome}
    old, new = REVISIONS[:2]
    assert ends[Outcome.PASS][:3] == (Phase.STABLE, new, "")
    assert ends[Outcome.FAIL][:3] == (Phase.ROLLED_BACK, old, "")
    assert ends[Outcome.BLIND][:4] == (Phase.STEPPING, old, new, 10)
    assert ends[Outcome.INCONCLUSIVE][:4] == (Phase.STEPPING, old, new, 10)
