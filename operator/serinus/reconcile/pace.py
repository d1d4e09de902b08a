"""When to look at a ModelDeployment again if nobody wakes it before."""

from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.capacity import settled_in
from serinus.rollout.machine import advance
from serinus.rollout.observation import Observation
from serinus.rollout.safety import UNDER_TEST
from serinus.rollout.step import Step

AT_ONCE = 0.0
SHORTEST = 0.1
"""Seconds between two looks at least, when the judge may have more to say."""
TICK = 1.0
"""Seconds between two looks while time alone brings a rollout on."""
WAITING = 5.0
"""Seconds between two looks while something has to happen first that may go unnoticed."""
RESYNC = 3600.0
"""Seconds between two looks when nothing is heard; changes and gaps in a watch are heard."""
POLL = 15.0
"""Seconds between two looks at what is not watched: named ConfigMaps, an autoscaler that does not scale yet."""


def next_look(  # noqa: PLR0913 - all that a look waits for
    spec: ModelDeploymentSpec, state: RolloutState, seen: Observation, due: float, now: float, *, waits: bool
) -> float:
    """Return the seconds until the next look at a model that this one left as it was.

    Args:
        spec: what is asked for.
        state: where the rollout stands.
        seen: what this look saw.
        due: when the judge may have more to say, Unix seconds; 0 for at any time.
        now: of this look.
        waits: something is in the way that nobody may hear the end of.
    """
    opening = state.phase is Phase.INITIALIZING and state.live_since is not None
    if state.phase in UNDER_TEST or state.phase is Phase.ROLLING_BACK or opening:
        return _under_way(spec, state, seen, due, now)
    if state.phase is Phase.INITIALIZING or waits:
        return WAITING
    if seen.wait:  # it is woken when its turn comes; until then its place is told, the more often the nearer it is
        return max(POLL, float(seen.wait.place))
    autoscaler = seen.workload(state.stable).autoscaler
    unscaled = spec.autoscaling is not None and (autoscaler is None or not autoscaler.active)
    rest = POLL if spec.runtime.config_maps or unscaled else RESYNC
    return min(rest, settled_in(spec, state, now))


def _under_way(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation, due: float, now: float) -> float:
    if advance(spec, state, seen, now + WAITING) != Step(state):
        return TICK
    if state.phase not in UNDER_TEST:
        return WAITING
    return min(max(due - now, SHORTEST), WAITING) if due else TICK
