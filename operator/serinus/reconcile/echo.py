"""Waits for the watch to show what the operator has written itself: a watch that does not is deaf."""

from collections.abc import Callable
from dataclasses import dataclass, field

from serinus.reconcile.queue import Key


@dataclass(slots=True)
class Echo:
    """What the watch has shown of each ModelDeployment, and since when it owes an own write.

    `clock` is a monotonic clock in seconds.
    """

    clock: Callable[[], float]
    _shown: dict[Key, int] = field(default_factory=dict)
    _owed: dict[Key, tuple[int, float]] = field(default_factory=dict)

    def written(self, key: Key, version: int) -> None:
        """Wait for a resource version, or a newer one, unless an older one is waited for already."""
        if version > self._shown.get(key, 0):
            self._owed.setdefault(key, (version, self.clock()))

    def heard(self, key: Key, version: int) -> None:
        """Take note of what the watch shows."""
        self._shown[key] = version
        if key in self._owed and version >= self._owed[key][0]:
            del self._owed[key]

    def forget(self, key: Key) -> None:
        """Wait no longer: the ModelDeployment is gone."""
        self._shown.pop(key, None)
        self._owed.pop(key, None)

    def __len__(self) -> int:
        """Return how many ModelDeployments the watch has shown."""
        return len(self._shown)

    def silence(self) -> float:
        """Return for how long the oldest write has not been shown, in seconds."""
        now = self.clock()
        return max((now - since for _, since in self._owed.values()), default=0.0)
