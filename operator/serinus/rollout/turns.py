"""Whose rollout begins next, where only so many may be in progress at the same time.

A model has a rollout in progress while it has two revisions. Who has waited longest goes
first; somebody whose namespace is at its own limit lets the others pass.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

Model = TypeVar("Model", bound=tuple[str, str])
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rollouts may be in progress; 0 for any number."""

    everywhere: int = 0
    per_namespace: int = 0

    def __bool__(self) -> bool:
        """Tell whether there is a limit at all."""
        return bool(self.everywhere or self.per_namespace)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a rollout has to wait for.

    Attributes:
        place: 1 for the one that begins next of those that wait for the same.
        running: how many are in progress.
        limit: how many may be.
        namespace: whose limit it is; empty for that of all namespaces.
    """

    place: int
    running: int
    limit: int
    namespace: str = ""

    def told(self, revision: str) -> str:
        """Say in words what a revision waits for."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        them = f"{self.running} rollout{' is' if self.running == 1 else 's are'} in progress{where}"
        return f"Revision {revision} waits for its turn: {them} and the limit is {self.limit}; it is number {self.place} of those that wait"


def waits(limits: Limits, running: Collection[Model], waiting: Mapping[Model, float]) -> dict[Model, Wait]:
    """Return who has to wait on, and for what; whoever else of those that wait may begin.

    Args:
        limits: how many may be in progress.
        running: the models with a rollout in progress.
        waiting: since when each of the others has waited, Unix seconds.
    """
    taken = Counter(namespace for namespace, _ in running)
    lines: Counter[str] = Counter()
    found: dict[Model, Wait] = {}
    for model in sorted(waiting, key=lambda model: (waiting[model], model)):
        namespace, _ = model
        if limits.everywhere and taken.total() >= limits.everywhere:
            line, number, limit = "", taken.total(), limits.everywhere
        elif limits.per_namespace and taken[namespace] >= limits.per_namespace:
            line, number, limit = namespace, taken[namespace], limits.per_namespace
        else:
            taken[namespace] += 1
            continue
        lines[line] += 1
        found[model] = Wait(lines[line], number, limit, line)
    return found
