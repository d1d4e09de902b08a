"""Whether a rollout has come to its end, and to which."""

from __future__ import annotations

from enum import StrEnum

from serinus.cli.views.facts import Facts


class Ending(StrEnum):
    """How a rollout ended."""

    PROMOTED = "promoted"
    TAKEN_BACK = "taken back"
    REFUSED = "refused"


_FOR_GOOD = {"InvalidSpec", "PodsRefused", "NameTaken", "ProgressDeadlineExceeded"}
"""Reasons that no time cures; a Gateway or a ConfigMap may still come."""


def ending(facts: Facts) -> Ending | None:
    """Return how the rollout of the present spec ended; None while it is under way or nobody has looked at it yet."""
    if facts.model["metadata"].get("generation", 0) > facts.status.get("observedGeneration", 0):
        return None
    if facts.is_true("Ready"):
        return Ending.PROMOTED
    if facts.phase == "RolledBack":
        return Ending.TAKEN_BACK
    stalled = facts.condition("Stalled")
    if stalled.get("status") == "True" and stalled.get("reason") in _FOR_GOOD:
        return Ending.REFUSED
    return None
