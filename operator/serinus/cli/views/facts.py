"""What the view of one model is made of, and the few ways to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serinus.cli.views import times

Manifest = dict[str, Any]
STEPS: tuple[Manifest, ...] = (
    {"weight": 5, "minDuration": "1m"},
    {"weight": 25, "minDuration": "2m"},
    {"weight": 50, "minDuration": "2m"},
)
"""The steps of a spec without any: the models know them too, but take a fifth of a second to import."""
MIN_DURATION, WATCH = "1m", "5m"
"""The defaults of a step and of the watch."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One model at one moment.

    Attributes:
        model: the ModelDeployment, as the API server keeps it.
        pods: its pods.
        events: the Events about it.
        notes: what could not be read, and why.
        now: Unix seconds.
    """

    model: Manifest
    pods: Sequence[Manifest]
    events: Sequence[Manifest]
    notes: Sequence[str]
    now: float

    @property
    def name(self) -> str:
        """Return the name of the model."""
        return str(self.model["metadata"]["name"])

    @property
    def spec(self) -> Manifest:
        """Return its spec."""
        return self.model.get("spec") or {}

    @property
    def status(self) -> Manifest:
        """Return its status."""
        return self.model.get("status") or {}

    @property
    def rollout(self) -> Manifest:
        """Return what the operator remembers of its rollout."""
        return self.status.get("rollout") or {}

    @property
    def phase(self) -> str:
        """Return where its rollout stands; empty before the operator's first look."""
        return str(self.status.get("phase") or "")

    @property
    def steps(self) -> list[Manifest]:
        """Return its steps."""
        return list(self.setting("rollout", "steps", STEPS))

    @property
    def newer(self) -> str:
        """Return the revision under test, or the one that is watched after its promotion; empty at rest."""
        return str(self.rollout.get("candidate") or "")

    @property
    def older(self) -> str:
        """Return the revision that serves beside it, or alone."""
        return str(self.rollout.get("control") or "")

    @property
    def share(self) -> int:
        """Return the percent of traffic that the newer revision has."""
        return int(self.status.get("weight") or 0)

    def setting(self, section: str, field: str, otherwise: Any) -> Any:
        """Return a field of a section of the spec."""
        found = (self.spec.get(section) or {}).get(field)
        return otherwise if found is None else found

    def condition(self, kind: str) -> Manifest:
        """Return a condition; empty where there is none."""
        return next((c for c in self.status.get("conditions") or [] if c.get("type") == kind), {})

    def is_true(self, kind: str) -> bool:
        """Tell whether a condition is True."""
        return bool(self.condition(kind).get("status") == "True")

    def described(self, revision: str) -> Manifest:
        """Return what status tells of a live revision; empty where it tells nothing."""
        live = (self.status.get(role) or {} for role in ("stable", "canary", "previous"))
        return next((one for one in live if one.get("revision") == revision), {})

    def since(self, field: str) -> float | None:
        """Return the seconds since a time that the operator remembers; None where there is none."""
        at = times.moment(self.rollout.get(field))
        return None if at is None else max(0.0, self.now - at)
