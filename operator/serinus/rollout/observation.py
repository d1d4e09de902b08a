"""Everything a decision may look at, gathered beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass

from serinus.analysis import Verdict
from serinus.rollout.turns import Wait
from serinus.traffic.split import SeenSplit

CRASH_RESTARTS = 3
"""Restarts of one container that make a revision a failed one."""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """What the autoscaler of a revision says of itself."""

    active: bool
    """It can read its metrics and scales by them."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Workload:
    """The pods of one revision."""

    replicas: int = 0
    """Pods that its Deployment asks for."""
    ready: int = 0
    restarts: int = 0
    """Most restarts of any container."""
    problem: str = ""
    """What its pods wait for, in words."""
    digests: frozenset[str] = frozenset()
    autoscaler: Autoscaler | None = None
    """None while there is none, or while it has said nothing."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the cluster and at the metrics."""

    target: str
    """Revision of the present spec, or what was aimed at before where that is refused."""
    stamped: str
    """The revision that is stable on record; empty before the first promotion."""
    revisions: frozenset[str]
    """Revisions on record."""
    workloads: Mapping[str, Workload]
    split: SeenSplit
    gateway: bool
    """Traffic is split by a gateway, not by the number of pods."""
    service_revisions: frozenset[str] = frozenset()
    """Revisions with endpoints behind the model's own Service."""
    verdict: Verdict | None = None
    """The judge's word on the candidate; None while there is nothing to judge."""
    metrics_problem: str = ""
    """Why no verdict could be trusted now, in words; empty when the metrics can be read."""
    command: str = ""
    wait: Wait | None = None
    """What a new rollout has to wait for; None while it may begin."""
    refused: bool = False
    """The present spec cannot be served."""
    first_look: bool = False
    """The operator has just started: the cluster may be ahead of status."""

    def workload(self, revision: str) -> Workload:
        """Return the pods of a revision."""
        return self.workloads.get(revision, Workload())
