"""Which models have a rollout in progress, and which wait for their turn, where there is a limit.

It is known from status: a new leader reads all of it before it lets anybody begin.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from serinus.api.status import Phase, RolloutState
from serinus.cluster.client import Manifest
from serinus.reconcile.queue import Key
from serinus.reconcile.statuses import read_status
from serinus.rollout.turns import Limits, Wait, waits


class Uncounted(Exception):  # noqa: N818 - a state of the operator
    """Not all rollouts in progress are known yet."""


@dataclass(slots=True)
class Roster:
    """Lets rollouts begin; `wake` asks for a look at a model whose turn has come."""

    limits: Limits
    wake: Callable[[Key], Awaitable[None]]
    _running: set[Key] = field(default_factory=set)
    _waiting: dict[Key, float] = field(default_factory=dict)
    """Since when, Unix seconds."""
    _noted: set[Key] | None = field(default_factory=set)
    """Who was looked at while not all are known; None once all are."""

    def begin(self) -> None:
        """Forget everything: another leader may have gone on."""
        self._running, self._waiting, self._noted = set(), {}, set()

    def survey(self, item: Manifest) -> None:
        """Take note of a listed ModelDeployment, unless it was looked at since."""
        key = Key(item["metadata"]["namespace"], item["metadata"]["name"])
        if self.limits and self._noted is not None and key not in self._noted:
            self._note(key, read_status(item).rollout or RolloutState())

    async def surveyed(self) -> None:
        """Let rollouts begin: every model was read."""
        self._noted = None
        await self._call()

    def ask(self, key: Key, state: RolloutState, now: float) -> Wait | None:
        """Return what the rollout that a model would begin now has to wait for; None when it may begin.

        Who may begin counts from now on.

        Raises:
            Uncounted: nobody can tell yet.
        """
        if not self.limits or key in self._running:
            return None
        if self._noted is not None:
            raise Uncounted("a new rollout waits until all rollouts in progress are counted")
        self._waiting[key] = state.since if state.phase is Phase.QUEUED else now
        if wait := waits(self.limits, self._running, self._waiting).get(key):
            return wait
        del self._waiting[key]
        self._running.add(key)
        return None

    async def note(self, key: Key, state: RolloutState) -> None:
        """Take note of where a rollout stands; who leaves makes room for others."""
        if self.limits and self._note(key, state):
            await self._call()

    async def pass_over(self, key: Key) -> None:
        """Let others go before one that waits and cannot begin now; it has its place again when it asks."""
        if self._waiting.pop(key, None) is not None:
            await self._call()

    async def forget(self, key: Key) -> None:
        """Take note that a model is gone."""
        await self.note(key, RolloutState())

    def _note(self, key: Key, state: RolloutState) -> bool:
        """Return whether somebody else may begin now."""
        if self._noted is not None:
            self._noted.add(key)
        before = key in self._running, key in self._waiting
        self._running.discard(key)
        self._waiting.pop(key, None)
        if state.candidate:
            self._running.add(key)
        elif state.phase is Phase.QUEUED:
            self._waiting[key] = state.since
        after = key in self._running, key in self._waiting
        return any(was and not is_ for was, is_ in zip(before, after, strict=True))

    async def _call(self) -> None:
        """Wake those whose turn has come."""
        if self._noted is not None:
            return
        held = waits(self.limits, self._running, self._waiting)
        for key in [key for key in self._waiting if key not in held]:
            await self.wake(key)
