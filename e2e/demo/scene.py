"""Everything that has been seen of the rollouts so far, by the local clock."""

from dataclasses import dataclass, field
from typing import Any

UNDER_TEST = frozenset({"Preparing", "Stepping", "Promoting", "Watching", "RollingBack"})
JUDGED = UNDER_TEST - {"Preparing"}
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Split:
    """The weights on the route from one moment on, by revision."""

    at: float
    shares: dict[str, int]


@dataclass(frozen=True, slots=True)
class Happening:
    """One Event of the model."""

    at: float
    reason: str
    message: str
    warning: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the operator's own metrics say of the error rate."""

    at: float
    value: float
    threshold: float


@dataclass(slots=True)
class Scene:
    """Filled by the watchers, read by the story and the view."""

    model: Manifest = field(default_factory=dict)
    splits: list[Split] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    phases: list[tuple[float, str]] = field(default_factory=list)
    verdict: Manifest = field(default_factory=dict)
    """The newest word of status on the error rate since the last `forget_verdict`."""
    images: dict[str, str] = field(default_factory=dict)
    """Image by revision."""

    @property
    def status(self) -> Manifest:
        """The status, once the operator has seen the present spec; else empty."""
        status: Manifest = self.model.get("status", {})
        seen = status.get("observedGeneration", 0) >= self.model.get("metadata", {}).get("generation", 1)
        return status if seen else {}

    @property
    def last_status(self) -> Manifest:
        """The status, of whichever spec."""
        status: Manifest = self.model.get("status", {})
        return status

    def take_model(self, model: Manifest, at: float) -> None:
        """Take in a ModelDeployment."""
        self.model = model
        for role in ("stable", "canary"):
            known = self.last_status.get(role) or {}
            if known.get("revision"):
                self.images[known["revision"]] = known["image"]
        phase = self.last_status.get("phase", "")
        if phase in JUDGED:
            self.verdict = self.metric() or self.verdict
        if phase and (not self.phases or self.phases[-1][1] != phase):
            self.phases.append((at, phase))

    def take_route(self, name: str, route: Manifest, at: float) -> None:
        """Take in the HTTPRoute; what changes other than its weights is passed over."""
        shares = percents(name, route)
        if not self.splits or self.splits[-1].shares != shares:
            self.splits.append(Split(at, shares))

    def label(self, revision: str) -> str:
        """Return v3 for the revision whose image has the tag 3.0.0."""
        tag = self.images.get(revision, "").rpartition(":")[2]
        return f"v{tag.partition('.')[0]}" if tag else revision[:7]

    def revision(self, image: str) -> str:
        """Return the revision of an image, empty while it is unknown."""
        return next((revision for revision, known in self.images.items() if known == image), "")

    def shares(self) -> dict[str, int]:
        """Return the present weights above 0, by label, the control's first."""
        newest = self.splits[-1].shares if self.splits else {}
        control = (self.last_status.get("rollout") or {}).get("control")
        ordered = sorted(newest.items(), key=lambda share: share[0] != control)
        return {self.label(revision): weight for revision, weight in ordered if weight}

    def weight_zero(self, revision: str, after: float) -> float | None:
        """Return when the route first gave a revision nothing, at or after a moment."""
        return next((s.at for s in self.splits if s.at >= after and not s.shares.get(revision)), None)

    def forget_verdict(self) -> None:
        """A new version comes: what was said of the one before is not about it."""
        self.verdict = {}

    def metric(self, name: str = "error-rate") -> Manifest:
        """Return what status says of a metric."""
        return next((m for m in self.last_status.get("metrics", []) if m["name"] == name), {})


def percents(name: str, route: Manifest) -> dict[str, int]:
    """Return what an HTTPRoute gives each revision, in percent: a side that drains keeps one request in a million."""
    weights: dict[str, int] = {}
    for rule in route.get("spec", {}).get("rules", [])[:1]:
        for backend in rule.get("backendRefs", []):
            revision = backend["name"].removeprefix(f"{name}-")
            weights[revision] = weights.get(revision, 0) + backend.get("weight", 1)
    total = sum(weights.values()) or 1
    return {revision: round(100 * weight / total) for revision, weight in weights.items()}
