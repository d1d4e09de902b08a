"""How many pods each live revision shall have.

An autoscaler sees its own pods and not the split. So its minimum is what the rollout
needs: stable does not shrink because a part of its traffic is elsewhere, and a new
revision is not cold when it gets the rest.
"""

import math
from dataclasses import dataclass

from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.observation import Observation
from serinus.traffic.replica_ratio import canary_pods

JUDGED_PODS = 2
"""Pods of a canary, where stable has as many: one alone cannot tell a bad pod from a bad version."""
SETTLING = 600.0
"""Seconds after a rollout in which an autoscaler does not shrink what serves: its figures are those of the split."""


@dataclass(frozen=True, slots=True)
class Size:
    """The pods that a revision shall have."""

    pods: int
    """Exactly so many; where an autoscaler decides, at least."""
    most: int | None = None
    """The autoscaler's limit; None where none decides."""


def candidate_pods(full: int, weight: int, *, gateway: bool) -> int:
    """Return the pods that a candidate needs for a share of the traffic, all of which takes `full` pods."""
    if not gateway:
        return canary_pods(full, weight)
    return min(full, max(JUDGED_PODS, -(-full * weight // 100)))


def wanted_candidate(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation) -> int:
    """Return the pods that the candidate shall have now.

    A candidate that is being promoted gets at least as many as the control has ready.
    One that is taken back keeps what it has until it is drained.
    """
    if state.phase is Phase.ROLLING_BACK:
        return seen.workload(state.candidate).replicas if seen.gateway else 0
    full = _full(spec, state, seen)
    if state.phase in (Phase.PROMOTING, Phase.WATCHING):
        return full
    step = spec.rollout.steps[min(state.step, len(spec.rollout.steps) - 1)]
    if seen.gateway and step.weight >= spec.rollout.final_weight:  # promotion raises nothing after this step
        return full
    return candidate_pods(full, step.weight, gateway=seen.gateway)


def sizes(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation, now: float) -> dict[str, Size]:
    """Return the wanted pods by revision; a revision that is not named has none."""
    wanted = {state.control: _control(spec, state, seen, now)}
    if state.candidate:
        wanted[state.candidate] = _candidate(spec, state, seen)
    return wanted


def settled_in(spec: ModelDeploymentSpec, state: RolloutState, now: float) -> float:
    """Return the seconds until an autoscaler at rest may shrink again; infinite when nothing keeps it."""
    left = state.since + SETTLING - now
    return left if spec.autoscaling and not state.candidate and left > 0 else math.inf


def _full(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation) -> int:
    """Return the pods that take all traffic: as asked for, and as many as an autoscaler of the control keeps ready."""
    ready = seen.workload(state.control).ready
    if spec.autoscaling is None:
        return max(spec.replicas, ready)
    return min(max(spec.autoscaling.min_replicas, ready), spec.autoscaling.max_replicas)


def _control(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation, now: float) -> Size:
    """During a rollout and for a while after it what serves does not shrink."""
    autoscaling = spec.autoscaling
    if autoscaling is None:
        return Size(spec.replicas)
    kept = state.candidate or settled_in(spec, state, now) < math.inf
    present = seen.workload(state.control).replicas if kept else 0
    return Size(min(max(autoscaling.min_replicas, present), autoscaling.max_replicas), autoscaling.max_replicas)


def _candidate(spec: ModelDeploymentSpec, state: RolloutState, seen: Observation) -> Size:
    """Behind a gateway more pods are no more traffic, so load that grows on the way up is met.

    Without one the number of pods is the split: nobody else may change it before promotion.
    """
    pods = wanted_candidate(spec, state, seen)
    scales = seen.gateway or state.phase in (Phase.PROMOTING, Phase.WATCHING)
    if spec.autoscaling is None or not scales or not pods:
        return Size(pods)
    return Size(min(pods, spec.autoscaling.max_replicas), spec.autoscaling.max_replicas)
