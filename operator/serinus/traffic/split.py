"""The split that is wanted, and the one that is seen."""

from collections.abc import Sequence
from dataclasses import dataclass

FULL, REMAINDER = 1_000_000, 1
"""Weights of the two sides while one of them is only kept warm; the first is the API's highest."""

PENDING = "RoutePending"
"""Reason of a split that a gateway has yet to take over."""


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
    warm: bool = False
    """The gateway shall hold a backend for both sides."""
    closed: bool = False
    """Nobody is let in yet: the gateway shall only learn of the backends."""

    @property
    def slots(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return (revision, weight) of slot 0 and slot 1; weights are shares of their sum.

        A warm side without a share keeps one part in a million. A gateway has no backend
        for a weight of 0, and a backend and the route that names it reach a proxy in no
        fixed order: a request in between finds none (seen: one 503 in 17,000 requests). So
        the backend comes before the candidate's first share and goes after its last.
        """
        control, candidate = 100 - self.weight, self.weight
        if self.warm and 0 in (control, candidate):
            control, candidate = (max(share * FULL // 100, REMAINDER) for share in (control, candidate))
        one, other = (self.control, control), (self.candidate or self.control, candidate)
        return (one, other) if self.control_slot == 0 else (other, one)

    @property
    def percent(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return (revision, percent) of slot 0 and slot 1, to the whole percent."""
        (one, first), (other, second) = self.slots
        share = round(100 * first / (first + second))
        return (one, share), (other, 100 - share)


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
    """(revision, weight) by slot, where slots are in use."""
    open: bool = False
    """There is a route, and it lets callers in."""

    def weight_of(self, revision: str) -> int:
        """Return the percent of traffic of a revision."""
        return self.weights.get(revision, 0)


def together(seen: Sequence[SeenSplit]) -> SeenSplit:
    """Return what one or more routes of a model say together: a share counts once all of them give it.

    While they differ a revision has the lowest of its shares, and the split is not live.
    """
    first, *others = seen
    revisions = {revision for split in seen for revision in split.weights}
    weights = {revision: min(split.weight_of(revision) for split in seen) for revision in sorted(revisions)}
    behind = next((split for split in seen if not split.live), None)
    if behind is None and any(split.weights != first.weights for split in others):
        behind = SeenSplit({}, live=False, reason=PENDING, problem="the routes do not give the same shares yet")
    return SeenSplit(
        weights,
        live=behind is None,
        reason=behind.reason if behind else "",
        problem=behind.problem if behind else "",
        slots=first.slots,
        open=any(split.open for split in seen),
    )
