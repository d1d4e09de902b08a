"""The split that is wanted, and the one that is seen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of traffic for the two live revisions.

    `control_slot` (0 or 1) is the control's fixed place among the route's backends.
    Without a candidate the other place is kept warm: it points at the control with
    weight 0, so that nothing changes for the control when a candidate arrives.
    """

    control: str
    candidate: str
    weight: int
    control_slot: int

    @property
    def slots(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return (revision, percent) of slot 0 and slot 1."""
        control = (self.control, 100 - self.weight)
        other = (self.candidate or self.control, self.weight)
        return (control, other) if self.control_slot == 0 else (other, control)


@dataclass(frozen=True, slots=True)
class SeenSplit:
    """What the cluster says about the split.

    `weights` maps revisions to percent; `live` means that every gateway has accepted it;
    `problem` says in words what stands in the way.
    """

    weights: dict[str, int]
    live: bool
    reason: str = ""
    problem: str = ""
    slots: tuple[tuple[str, int], ...] = ()
    """(revision, percent) by slot, where slots are in use."""

    def weight_of(self, revision: str) -> int:
        """Return the percent of traffic of a revision."""
        return self.weights.get(revision, 0)
