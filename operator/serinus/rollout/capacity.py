"""How many pods each live revision shall have."""

from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.observation import Observation
from serinus.traffic.replica_ratio import canary_pods

JUDGED_PODS = 2
"""Pods of a canary, where stable has as many: one alone cannot tell a bad pod from a bad version."""


def candidate_pods(spec: ModelDeploymentSpec, weight: int, *, gateway: bool) -> int:
    """Return the pods that a candidate needs for a share of the traffic."""
    if not gateway:
        return canary_pods(spec.replicas, weight)
    share = -(-spec.replicas * weight // 100)
    return min(spec.replicas, max(JUDGED_PODS, share))


def wanted_candidate(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation) -> int:
    """Return the pods that the candidate shall have now.

    A candidate that is being promoted gets at least as many as the control has ready,
    which an autoscaler may have raised. One that is taken back keeps what it has until
    it is drained.
    """
    if state.phase in (Phase.PROMOTING, Phase.WATCHING):
        return max(spec.replicas, seen.workload(state.control).ready if state.phase is Phase.PROMOTING else 0)
    if state.phase is Phase.ROLLING_BACK:
        return seen.workload(state.candidate).replicas if seen.gateway else 0
    step = spec.rollout.steps[min(state.step, len(spec.rollout.steps) - 1)]
    if seen.gateway and step.weight >= spec.rollout.final_weight:  # promotion raises nothing after this step
        return max(spec.replicas, seen.workload(state.control).ready)
    return candidate_pods(spec, step.weight, gateway=seen.gateway)


def replicas(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation) -> dict[str, int]:
    """Return the wanted pods by revision; a revision that is not named has none."""
    wanted = {state.control: spec.replicas}
    if state.candidate:
        wanted[state.candidate] = wanted_candidate(spec, state, seen)
    return wanted
