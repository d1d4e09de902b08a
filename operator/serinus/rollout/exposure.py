"""Who receives traffic in a state: the split of the route, and the pods behind the Service."""

from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.traffic.split import Split


def final_weight(spec: ModelDeploymentSpec, *, gateway: bool) -> int:
    """Return the promoted revision's share during the watch; a ratio of pods keeps no control."""
    return spec.rollout.final_weight if gateway else 100


def split(state: RolloutState, *, is_open: bool = False) -> Split:
    """Return the split that the route shall have.

    Until the first revision serves it lets nobody in; a route that `is_open` is never closed.
    """
    weight = state.traffic if state.candidate else 0
    return Split(
        state.control,
        state.candidate,
        weight,
        state.control_slot,
        warm=state.warm and bool(state.candidate),
        closed=state.phase is Phase.INITIALIZING and not is_open,
    )


def behind_service(spec: ModelDeploymentSpec, state: RolloutState, *, gateway: bool) -> tuple[str, ...]:
    """Return the revisions that the model's own Service selects.

    With a gateway it follows stable and moves once, when the candidate is promoted; while
    stable has no ready pod it names the candidate that took over.
    Without one it holds both while the candidate is tested.
    """
    promoted = state.phase is Phase.WATCHING or (
        state.phase is Phase.PROMOTING and state.weight >= final_weight(spec, gateway=gateway)
    )
    if promoted or (gateway and state.takeover):
        return (state.candidate,)
    if not gateway and state.traffic > 0:
        return (state.control, state.candidate)
    return (state.control,)
