"""One turn at one ModelDeployment: a look, and what follows from it."""

import logging
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from serinus.api.protocol import Protocol
from serinus.api.status import Phase, RolloutState, Status
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.desired import labels, owner
from serinus.desired.revision import Revision
from serinus.reconcile import children as reading
from serinus.reconcile import farewell
from serinus.reconcile.announce import Announcer
from serinus.reconcile.applier import Absent, Applier, Foreign, Pending
from serinus.reconcile.children import Children
from serinus.reconcile.gateways import Gateways
from serinus.reconcile.judge import Opinion
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.pace import AT_ONCE, RESYNC, TICK, WAITING, next_look
from serinus.reconcile.pins import Pins
from serinus.reconcile.queue import Key
from serinus.reconcile.records import Records
from serinus.reconcile.roster import Roster
from serinus.reconcile.seen import routed, seen_split
from serinus.reconcile.snapshot import Snapshot
from serinus.reconcile.statuses import StatusWriter, read_status
from serinus.reconcile.target import Aim, Refused, TargetFinder, lenient_spec, parse_spec
from serinus.reconcile.world import World
from serinus.registry.watch import Watch
from serinus.rollout import report
from serinus.rollout.machine import advance, takes_turns
from serinus.rollout.observation import Observation
from serinus.rollout.report import Problem
from serinus.rollout.step import Step
from serinus.runtimes.catalogue import Catalogue

Manifest = dict[str, Any]
log = logging.getLogger("serinus.rollout")


@dataclass(frozen=True, slots=True)
class Decision:
    """A step with all that it is written down with."""

    version: str
    """Resource version of the ModelDeployment that it was made for."""
    state: RolloutState
    step: Step
    before: Status
    after: Status
    revisions: Mapping[str, Revision]

    @property
    def lowers(self) -> bool:
        """Tell whether it takes traffic from the candidate, which nothing may delay."""
        after = self.step.state
        return after.candidate == self.state.candidate and after.traffic < self.state.traffic


@dataclass(slots=True)
class Memory:
    """What the process remembers of one ModelDeployment. Losing it costs nothing but a full look."""

    snapshot: Snapshot
    applier: Applier
    statuses: StatusWriter
    stirred: float = 0.0
    """When a look at the model at rest read or wrote something last."""
    good_spec: str = ""
    """The last spec that was in order, as JSON: a model of it would be eight times as large."""
    first_look: bool = True
    exposed: bool = False
    """Whether somebody is sent to a candidate: it may have to be taken back at any time."""
    carried_out: Decision | None = None
    """A decision that took traffic back, and is still to be written down."""
    problem: Problem | None = None
    """What stood in the way of applying the children last time."""
    told: Problem | None = None
    """The last problem that was posted as an Event."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn works on; `run` is the whole of it."""

    cluster: Cluster
    gateways: Gateways
    judges: RolloutJudges
    catalogue: Catalogue
    registry: Watch[Key]
    roster: Roster
    key: Key
    raw: Manifest
    memory: Memory
    term: int
    now: float

    async def run(self) -> float:
        """Write down what was carried out before, else look anew; return the seconds until the next look."""
        return AT_ONCE if await self._written_down() else await self._look()

    async def _look(self) -> float:
        """Observe, judge, advance, apply and report."""
        before = read_status(self.raw)
        state = before.rollout or RolloutState()
        await self.roster.note(self.key, state)  # an error may have come between the look before and its note
        spec, problem = await self._spec()
        if spec is None:
            await self._refuse(before, problem)
            await self.roster.pass_over(self.key)
            return RESYNC
        children = await reading.read(self.memory.snapshot, self.gateways, self.key.name, self._owner.uid, spec.route)
        leaving = await self._let_go(children, routed(spec, state, children))
        revisions = dict(children.revisions)
        aim = await self._finder.aim(self.raw["spec"], spec, state, revisions, problem)
        if not aim.target:
            await self._refuse(before, aim.problem)
            await self.roster.pass_over(self.key)
            return WAITING
        children = replace(children, revisions=revisions)
        records = self._records
        if await records.restore(state, children, revisions, self.now) or await records.note_data(children, revisions):
            return AT_ONCE
        problem = aim.problem or self.memory.problem or _gateway_problem(children)
        await self._announcer.problem(problem, self.memory.told, before)
        self.memory.told = problem
        opinion = await self.judges.opinion(self.key, spec, state, children, before, self.now)
        seen = self._observe(spec, state, children, revisions, aim, opinion)
        step = advance(spec, state, seen, self.now)
        if takes_turns(state, step.state, seen, returns=_was_stable(revisions.get(aim.target))):
            seen = replace(seen, wait=self.roster.ask(self.key, state, self.now))
            step = advance(spec, state, seen, self.now)
        if _raises(state, step.state) and len(revisions) > 1 and not self.memory.snapshot.fresh:
            self.memory.snapshot.forget()  # nobody is exposed on the strength of what was remembered
            return AT_ONCE
        facts = report.Facts(
            self.key.name,
            self._generation,
            spec,
            step.state,
            seen,
            revisions,
            opinion.metrics,
            problem,
            self.now,
            aim.resolution,
        )
        world = World(self.cluster, self.memory.applier, *self.key, self._owner, spec, children, self.term, self.now)
        after = report.status(facts, before, opinion.record)
        version = self.raw["metadata"]["resourceVersion"]
        self.memory.exposed = bool(step.state.candidate) and step.state.traffic > 0
        blocked = await self._carry_out(world, Decision(version, state, step, before, after, revisions), seen)
        await self.roster.note(self.key, step.state)
        if step.state != state or step.events or blocked:
            return AT_ONCE
        waits = problem is not None or self.memory.problem is not None
        return TICK if leaving else next_look(spec, step.state, seen, opinion.due, self.now, waits=waits)

    @property
    def _generation(self) -> int:
        return int(self.raw["metadata"]["generation"])

    @property
    def _owner(self) -> owner.Owner:
        return owner.model(self.key.name, self.raw["metadata"]["uid"])

    async def _spec(self) -> tuple[ModelDeploymentSpec | None, Problem | None]:
        """Return the present spec, or the last good one with what is wrong with the present."""
        try:
            spec = parse_spec(self.raw["spec"])
        except Refused as refused:
            return self._good_spec or lenient_spec(self.raw["spec"]), refused.problem
        if problem := await self.judges.refusal(spec):
            return self._good_spec or spec, problem
        self.memory.good_spec = orjson.dumps(self.raw["spec"]).decode()
        return spec, None

    @property
    def _finder(self) -> TargetFinder:
        pins = Pins(self.registry, self.key)
        return TargetFinder(self.cluster, self.memory.applier, self.catalogue, pins, *self.key, self._owner)

    @property
    def _good_spec(self) -> ModelDeploymentSpec | None:
        return parse_spec(orjson.loads(self.memory.good_spec)) if self.memory.good_spec else None

    def _observe(  # noqa: PLR0913, PLR0917 - the parts of an observation
        self,
        spec: ModelDeploymentSpec,
        state: RolloutState,
        children: Children,
        revisions: dict[str, Revision],
        aim: Aim,
        opinion: Opinion,
    ) -> Observation:
        stamped = [(r.promoted_at, r.hash) for r in revisions.values() if r.promoted_at is not None]
        workloads = reading.workloads(children)
        return Observation(
            target=aim.target,
            refused=aim.problem is not None,
            stamped=max(stamped)[1] if stamped else "",
            revisions=frozenset(revisions),
            workloads=workloads,
            split=seen_split(self.key.name, self._owner.uid, spec, state, children, workloads),
            gateway=spec.route is not None,
            service_revisions=frozenset(name for name, count in children.endpoints.items() if count),
            verdict=opinion.verdict,
            metrics_problem=opinion.problem,
            command=self.raw["metadata"].get("annotations", {}).get(labels.COMMAND, ""),
            first_look=self.memory.first_look,
        )

    async def _let_go(self, children: Children, wanted: Collection[Protocol]) -> bool:
        """Bring the routes of protocols that are not wanted a step further on their way out; return whether there are any."""
        leaving = False
        for protocol, route in children.routes.items():
            user = self._owner.uid if protocol in wanted else ""
            if await farewell.let_go(self.cluster, route, self.now, user):
                self.memory.snapshot.outdated(resources.ROUTES[protocol])
                leaving = True
        return leaving

    async def _carry_out(self, world: World, decision: Decision, seen: Observation) -> bool:
        """Write and apply a decision in the order that is safe to be interrupted anywhere.

        Returns whether something stands in the way that was not known before.
        """
        known, self.memory.problem = self.memory.problem, None
        if decision.lowers:
            self.memory.first_look = True  # until status tells of it, a lower weight of the route is believed
            await self._noting_problem(world.move_traffic(decision.step.state, seen, fenced=False))
            self.memory.carried_out = decision  # others may have to take traffic back too, which comes first
        else:
            await self._write_down(decision)
            await self._noting_problem(world.put_right(decision.step.state, seen, decision.revisions))
        return self.memory.problem != known

    async def _written_down(self) -> bool:
        """Write down what was carried out at the look before, unless it was for another spec or state."""
        decision, self.memory.carried_out = self.memory.carried_out, None
        if decision is None or decision.version != self.raw["metadata"]["resourceVersion"]:
            return False
        await self._write_down(decision)
        return True

    async def _write_down(self, decision: Decision) -> None:
        if decision.step.stamp:
            await self._records.stamp(decision.step.stamp, decision.revisions, self.now)
        await self.memory.statuses.write(self.raw, decision.before, decision.after, self.now)
        self.memory.first_look = False
        await self._announcer.transition(decision.state, decision.step)

    async def _noting_problem(self, work: Awaitable[None]) -> None:
        """Do some work on the children; what a person has to put right is remembered for status."""
        try:
            await work
        except Absent as absent:
            self.memory.problem = Problem("RouteKindMissing", str(absent))
        except Foreign as foreign:
            self.memory.problem = Problem("NameTaken", str(foreign))
        except Pending as pending:
            log.info("%s", pending, extra=self._announcer.fields)
        except ApiError as error:
            if not error.refused:
                raise
            self.memory.problem = Problem("ChildRefused", str(error))

    async def _refuse(self, before: Status, problem: Problem | None) -> None:
        """Say what is wrong with the spec while there is nothing else to go by."""
        if problem is None:
            return
        after = report.refused(before, problem, self._generation, self.now)
        await self._announcer.problem(problem, self.memory.told, before)
        self.memory.told = problem
        await self.memory.statuses.write(self.raw, before, after, self.now)

    @property
    def _records(self) -> Records:
        return Records(self.cluster, self.memory.applier, *self.key, self._owner)

    @property
    def _announcer(self) -> Announcer:
        return Announcer(self.cluster, self.key, self.raw["metadata"]["uid"], self.now)


def _was_stable(revision: Revision | None) -> bool:
    return revision is not None and revision.promoted_at is not None


def _raises(before: RolloutState, after: RolloutState) -> bool:
    if before.phase is Phase.INITIALIZING and after.phase is Phase.STABLE:
        return True
    return after.traffic > (before.traffic if after.candidate == before.candidate else 0)


def _gateway_problem(children: Children) -> Problem | None:
    return Problem("GatewayMissing", children.gateway_problem) if children.gateway_problem else None
