"""The status of a ModelDeployment: what a person reads, and what the operator remembers."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from serinus.api.base import PRESERVE, Model
from serinus.api.timestamps import ConditionTime, Timestamp

MAX_FAILED = 10
MAX_HISTORY = 10
MAX_MESSAGE = 320
"""Characters of a message in status; the whole of it is in the Event and the log."""
MAX_METRIC_MESSAGE = 200
MAX_PAST_MESSAGE = 100
"""Characters of the message of a remembered failure."""

MAX_URI = 253
"""Characters of a model's address; the whole of it is in the spec and an annotation of the pods."""
MAX_PAST_VERSION = 40
"""Characters of what a past model was made from: a commit's."""


class StatusModel(Model):
    """Status written by a newer operator may hold more than this one knows."""

    model_config = ConfigDict(extra="ignore")


class Phase(StrEnum):
    """Where a rollout stands."""

    INITIALIZING = "Initializing"
    STABLE = "Stable"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    STEPPING = "Stepping"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"


class Condition(StatusModel):
    """A `metav1.Condition`."""

    type: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})]
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: ConditionTime = 0.0


class WeightChange(StatusModel):
    """One change of the split."""

    time: Timestamp
    weight: int


class FailedRevision(StatusModel):
    """A revision that was taken back and is not tried again by itself."""

    revision: str
    reason: str
    message: str = ""
    time: Timestamp


class ModelStatus(StatusModel):
    """The model that a revision serves, and what it was made from."""

    uri: str | None = None
    """What is fetched or mounted: a moving address as it was resolved."""
    format: str | None = None
    version: str | None = None
    git_commit: str | None = None
    data_version: str | None = None


class PastRevision(StatusModel):
    """A revision that was stable once."""

    revision: str
    image: str
    model: ModelStatus | None = None
    """The version of its model, and what that was made from."""
    promoted_at: Timestamp


class RevisionStatus(StatusModel):
    """A live revision."""

    revision: str
    image: str
    runtime: str | None = None
    """The catalogue's name of what serves it; absent for a container of its own."""
    model: ModelStatus | None = None
    replicas: int = 0
    ready_replicas: int = 0
    digests: list[str] = []
    """Digests that its running pods were started from; more than one means a tag moved."""


class MetricStatus(StatusModel):
    """What was seen of one metric, and what it means."""

    name: str
    source: str = ""
    outcome: str
    reason: str
    message: str
    canary_requests: int | None = None
    canary_errors: int | None = None
    stable_requests: int | None = None
    stable_errors: int | None = None
    canary_rate: float | None = None
    """The canary's share of bad requests, or its mean."""
    canary_low: float | None = None
    """Lower end of its always-valid interval."""
    canary_high: float | None = None
    stable_rate: float | None = None
    """Stable's share of bad requests, or its mean."""
    stable_low: float | None = None
    stable_high: float | None = None
    bound: float | None = None
    """The latency, in seconds, that the counts and rates are about: requests slower than it are bad."""
    evidence: float | None = None
    """The e-value against the canary, which is taken back at the threshold."""
    threshold: float | None = None
    proof: float | None = None
    """The e-value for not being worse by the margin, which is proven at the proof threshold."""
    proof_threshold: float | None = None
    dispersion: float | None = None
    dispersion_source: str | None = None
    requests_needed: int | None = None
    """Canary requests after which a version twice as bad as tolerated is usually taken back."""
    value: float | None = None


class RolloutState(StatusModel):
    """What the state machine remembers between two looks.

    `control` serves; `candidate` is the newer revision under test, empty when there is
    none. The candidate is stable on record from Watching on.
    """

    phase: Phase = Phase.INITIALIZING
    control: str = ""
    candidate: str = ""
    control_slot: Annotated[int, Field(ge=0, le=1)] = 0
    """The control's place in the route's backends; the candidate has the other one."""
    step: Annotated[int, Field(ge=0)] = 0
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Percent of traffic for the candidate."""
    warm: bool = False
    """The gateway holds a backend for the candidate, which gets one request in a million at least."""
    since: Timestamp = 0.0
    """When the phase began."""
    live_since: Timestamp | None = None
    """When the present weight was seen accepted by the gateway."""
    weights: list[WeightChange] = []
    """Every change since the candidate's first traffic."""
    short_since: Timestamp | None = None
    """Since when the candidate has had fewer ready pods than it needs."""
    takeover: bool = False
    """The control has no ready pod, so the ready candidate takes all traffic."""
    paused: bool = False
    """Paused by command."""
    forced: bool = False
    """Promoted by command: what is unknown does not hold it, what is known to be bad does."""
    resumed_step: int = -1
    """The last step whose pause was ended by command."""
    hold: str = ""
    """Why the step does not go on: Blind or Inconclusive, else empty."""
    hold_since: Timestamp | None = None
    overdue: bool = False
    """The end of `analysis.maxDuration` was told."""
    reason: str = ""
    """Why the last rollback happened."""
    message: str = ""
    failed: list[FailedRevision] = []
    last_command: str = ""

    @property
    def stable(self) -> str:
        """The revision that is stable on record."""
        return self.candidate if self.phase is Phase.WATCHING else self.control

    @property
    def traffic(self) -> int:
        """Percent of traffic that the candidate shall have now."""
        return 100 if self.takeover else self.weight

    def has_failed(self, revision: str) -> bool:
        """Tell whether a revision was taken back and not cleared since."""
        return any(failed.revision == revision for failed in self.failed)


class Status(StatusModel):
    """The status subresource."""

    observed_generation: int = 0
    """Generation of the spec that all of this is about."""
    phase: str = ""
    """Where the rollout stands, for people; tools read the conditions."""
    reason: str = ""
    """Why, in one word: a problem, the reason of the last rollback, or the phase."""
    message: str = ""
    """Why, in a sentence."""
    conditions: Annotated[
        list[Condition],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ] = []
    """Available, Ready, Progressing, Degraded, Paused, MetricsAvailable, ImageFixed; ScalingActive with autoscaling; ModelResolved with an alias; Reconciling or Stalled."""
    replicas: int = 0
    """Pods of all revisions together."""
    selector: str = ""
    """Label selector of these pods."""
    url: str = ""
    """Where the model answers, if it has a host name."""
    stable: RevisionStatus | None = None
    """The revision that is stable on record."""
    canary: RevisionStatus | None = None
    """The revision under test before its promotion."""
    previous: RevisionStatus | None = None
    """The revision that keeps some traffic while the promoted one is watched."""
    weight: int = 0
    """Percent of traffic for the newer revision."""
    step: str = ""
    """The present step and their number, such as 2/3."""
    metrics: list[MetricStatus] = []
    """What was seen of each metric; the last rollout's until another one begins."""
    history: list[PastRevision] = []
    """Revisions that were promoted, the newest first."""
    rollout: RolloutState | None = None
    """What the operator remembers between two looks."""
    judge: (
        Annotated[dict[str, Any], Field(json_schema_extra={**PRESERVE, "x-kubernetes-map-type": "atomic"})] | None
    ) = None
    """Accumulators of the statistical tests, the floor for evidence after a restart."""
