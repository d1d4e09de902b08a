"""A small cluster around `advance`: a route, pods, endpoints, stamps, and an operator that can die between any two writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from serinus.analysis import Outcome, Verdict
from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import WARM_UP, advance
from serinus.rollout.observation import Observation, Workload
from serinus.rollout.step import Step
from serinus.traffic.split import PENDING, SeenSplit, Split

REVISIONS = ("aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd")
START = 1_000_000.0
ALL_WRITES = 9


def verdict(outcome: Outcome | None) -> Verdict | None:
    return None if outcome is None else Verdict(outcome, f"Because{outcome}", "numbers", "error-rate")


def wanted(*, gateway: bool, paused: bool = False, policy: str = "", autoscaled: bool = False) -> ModelDeploymentSpec:
    """Return a spec; with a policy for what stays unknown the rollout has ten minutes."""
    size = (
        {"autoscaling": {"minReplicas": 2, "maxReplicas": 5, "cpuUtilization": 70}} if autoscaled else {"replicas": 3}
    )
    raw = {
        **size,
        "runtime": {"image": "model:1", "port": 8000},
        "route": {"gateway": "public"} if gateway else None,
        "rollout": {
            "steps": [{"weight": 10, "minDuration": "30s"}, {"weight": 50, "minDuration": "30s"}],
            "paused": paused,
            "watchAfterPromotion": "60s",
        },
        "analysis": {"onInconclusive": policy, "maxDuration": "10m"} if policy else {},
    }
    return ModelDeploymentSpec.model_validate(raw)


@dataclass
class Cluster:
    """What the API server holds, and what people and pods do to it."""

    gateway: bool = True
    paused: bool = False
    target: str = REVISIONS[0]
    state: RolloutState = field(default_factory=RolloutState)
    """As written to status."""
    stamps: list[str] = field(default_factory=list)
    route: Split | None = None
    service: tuple[str, ...] = ()
    live: bool = True
    """The gateways take over what the route says."""
    ready: dict[str, int] = field(default_factory=dict)
    were_ready: set[str] = field(default_factory=set)
    restarts: dict[str, int] = field(default_factory=dict)
    outcome: Outcome | None = Outcome.PASS
    metrics_problem: str = ""
    command: str = ""
    first_look: bool = True
    now: float = START
    weights: dict[str, int] = field(default_factory=dict)
    """Shares of a route as a person left it, else empty."""

    @property
    def spec(self) -> ModelDeploymentSpec:
        return wanted(gateway=self.gateway, paused=self.paused)

    @property
    def stamped(self) -> str:
        return self.stamps[-1] if self.stamps else ""

    @property
    def is_open(self) -> bool:
        return self.route is not None and not self.route.closed

    def begin(self) -> None:
        """Let the first revision serve."""
        self.settle()
        self.now += WARM_UP
        self.settle()

    def set_ready(self, revision: str, count: int) -> None:
        self.ready[revision] = count
        if count:
            self.were_ready.add(revision)

    def observe(self) -> Observation:
        return Observation(
            target=self.target,
            stamped=self.stamped,
            revisions=frozenset(REVISIONS),
            workloads={name: Workload(3, self.ready.get(name, 0), self.restarts.get(name, 0)) for name in REVISIONS},
            split=self._split(),
            gateway=self.gateway,
            service_revisions=frozenset(name for name in self.service if self.ready.get(name)),
            verdict=verdict(self.outcome) if self.state.weights else None,
            metrics_problem=self.metrics_problem,
            command=self.command,
            first_look=self.first_look,
        )

    def _split(self) -> SeenSplit:
        if not self.gateway:
            shares = {name: self.ready.get(name, 0) for name in self.service}
            total = sum(shares.values()) or 1
            return SeenSplit({name: 100 * count // total for name, count in shares.items()}, live=self.live)
        if self.route is None:
            return SeenSplit({}, live=False, reason=PENDING)
        weights: dict[str, int] = {}
        for revision, weight in self.route.percent:
            weights[revision] = weights.get(revision, 0) + weight
        reason = "" if self.live else PENDING
        return SeenSplit(weights, self.live, reason, slots=self.route.slots, open=not self.route.closed)

    def _apply(self, state: RolloutState) -> None:
        if self.route is not None or self.ready.get(state.control):
            self.route = split(state, is_open=self.is_open)
        self.service = behind_service(self.spec, state, gateway=self.gateway)

    def look(self, writes: int = ALL_WRITES) -> Step:
        """Decide, and make the first `writes` writes of the decision; fewer than all is a crash."""
        before = self.state
        step = advance(self.spec, before, self.observe(), self.now)
        todo: list[Callable[[], None]] = [lambda: self._write(step), lambda: self._apply(step.state)]
        if step.stamp:
            todo.insert(0, lambda: self.stamps.append(step.stamp))
        if step.state.candidate == before.candidate and step.state.traffic < before.traffic:
            todo.insert(0, lambda: self._apply(step.state))
        for write in todo[:writes]:
            write()
        self.first_look = writes < len(todo)
        return step

    def _write(self, step: Step) -> None:
        wire = step.state.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.state = RolloutState.model_validate(wire)

    def settle(self, limit: int = 30) -> list[Step]:
        """Look again until nothing changes in this moment."""
        taken = []
        for _ in range(limit):
            before = self.state
            step = self.look()
            taken.append(step)
            if self.state == before and not step.events:
                return taken
        raise AssertionError(f"no rest after {limit} looks: {[step.state.phase for step in taken[-8:]]}")

    def run(self, seconds: float, every: float = 10.0) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += every
            self.settle()

    @property
    def outline(self) -> tuple[Phase, str, str, int, frozenset[str]]:
        """What matters in the end."""
        state = self.state
        failed = frozenset(known.revision for known in state.failed)
        return state.phase, state.control, state.candidate, state.traffic, failed
