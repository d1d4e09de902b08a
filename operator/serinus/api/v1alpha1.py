"""The spec of a ModelDeployment, `serinus.dev/v1alpha1`.

Docstrings of fields become the descriptions of the CRD. Nothing below `model` and
`runtime` has a CRD default: the API server would write a changed default into stored objects and make
new revisions of them. The operator's defaults are resolved once, into the revision.
"""

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from serinus.api.analysis import Analysis, Compare, Latency, Mean, Metric, OnHold, Source
from serinus.api.base import HOST_NAME, Fragment, Model
from serinus.api.durations import AtLeastOneSecond, Duration, render
from serinus.api.model import ModelSource
from serinus.api.protocol import Protocol, usual
from serinus.api.runtime import ConfigMapRef, Runtime, RuntimeMetrics

__all__ = [
    "GROUP",
    "KIND",
    "MAX_NAME",
    "PLURAL",
    "VERSION",
    "Analysis",
    "Autoscaling",
    "Compare",
    "ConfigMapRef",
    "Latency",
    "Mean",
    "Metric",
    "ModelDeploymentSpec",
    "ModelSource",
    "OnHold",
    "Route",
    "Runtime",
    "RuntimeMetrics",
    "Source",
]

GROUP = "serinus.dev"
VERSION = "v1alpha1"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"

MAX_NAME = 46
"""Longest name of a ModelDeployment: `<name>-<revision>` must leave room for pod suffixes."""

Hostname = Annotated[str, StringConstraints(pattern=rf"^(\*\.)?{HOST_NAME}$", max_length=253)]
Weight = Annotated[int, Field(ge=1, le=100)]


class Route(Model):
    """How traffic from outside reaches the model: an HTTPRoute, a GRPCRoute or both, which the operator owns."""

    gateway: Annotated[
        str,
        StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=317),
    ]
    """The Gateway to attach to: `name`, or `namespace/name`."""
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = []
    """Host names that the route answers; every host of the Gateway when empty."""
    protocols: (
        Annotated[
            list[Protocol],
            Field(min_length=1, max_length=2, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """What callers speak: `HTTP` is an HTTPRoute, `GRPC` a GRPCRoute. When absent HTTP where the runtime serves it, else gRPC."""
    paths: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^/", max_length=1024)]],
        Field(min_length=1, max_length=8),
    ] = ["/"]
    """Path prefixes that the HTTPRoute answers; gRPC has paths of its own."""
    timeout: Duration = 30.0
    """Longest time that the gateway lets one HTTP request take; drains wait at least as long. A GRPCRoute has no such field."""

    def routed(self, served: Collection[Protocol]) -> tuple[Protocol, ...]:
        """Return the protocols that have a route, of those that a runtime serves."""
        asked = [protocol for protocol in Protocol if protocol in (self.protocols or ()) and protocol in served]
        return tuple(asked) or usual(served)


class Step(Model):
    """One share of traffic that a new revision gets before the next."""

    weight: Weight
    """Percent of requests for the new revision. Steps rise."""
    min_duration: Duration = 60.0
    """Shortest time at this weight, from the moment the gateway has accepted it."""
    pause: bool = False
    """Wait here for the `resume` command after the step is done."""


class Rollout(Model):
    """How a new revision takes over."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=20)] = [
        Step(weight=5, min_duration=60),
        Step(weight=25, min_duration=120),
        Step(weight=50, min_duration=120),
    ]
    """The canary's steps, in rising order of weight."""
    progress_deadline: AtLeastOneSecond = 600.0
    """A revision whose pods are not ready after this long is taken back; a first one is reported."""
    drain: Duration = 30.0
    """How long pods that lost their traffic are kept; never shorter than `route.timeout`."""
    watch_after_promotion: Duration = 300.0
    """How long the previous revision stays ready to return after a promotion."""
    watch_weight: Annotated[int, Field(ge=0, le=50)] = 5
    """Percent of requests that the previous revision keeps during the watch, as a control group."""
    paused: bool = False
    """Go no further until this is false again. Rolling back stays possible."""

    @model_validator(mode="after")
    def _steps_rise(self) -> "Rollout":
        weights = [step.weight for step in self.steps]
        for index, (before, after) in enumerate(pairwise(weights), start=1):
            if after <= before:
                raise ValueError(
                    f"steps[{index}].weight is {after} but must be above the {before} of the step before it"
                )
        if weights[-1] > 100 - self.watch_weight:
            raise ValueError(
                f"steps[{len(weights) - 1}].weight is {weights[-1]} but may be {100 - self.watch_weight} at most: watchWeight keeps {self.watch_weight}"
            )
        return self

    @property
    def final_weight(self) -> int:
        """Percent of traffic for a promoted revision while the previous one is kept as control."""
        return 100 - self.watch_weight if self.watch_after_promotion > 0 else 100


Replicas = Annotated[int, Field(ge=1, le=10000)]
Utilization = Annotated[int, Field(ge=1, le=1000)]


class Autoscaling(Model):
    """How the number of pods follows the load: one HorizontalPodAutoscaler for each live revision."""

    min_replicas: Replicas = 1
    """Fewest pods of a revision that has all traffic."""
    max_replicas: Replicas
    """Most pods of one revision."""
    cpu_utilization: Utilization | None = None
    """Percent of its CPU request that the model container shall use, on average over the pods."""
    memory_utilization: Utilization | None = None
    """Percent of its memory request that the model container shall use, on average over the pods."""
    behavior: Fragment | None = None
    """An autoscaling/v2 HorizontalPodAutoscalerBehavior: how fast it scales up and down."""

    @model_validator(mode="after")
    def _has_bounds_and_a_target(self) -> "Autoscaling":
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"minReplicas is {self.min_replicas} but must not be above the {self.max_replicas} of maxReplicas"
            )
        if not self.targets:
            raise ValueError("set cpuUtilization, memoryUtilization or both: there is nothing to scale by")
        return self

    @property
    def targets(self) -> dict[str, int]:
        """The utilization aimed at, in percent of the request, by resource."""
        wanted = {"cpu": self.cpu_utilization, "memory": self.memory_utilization}
        return {resource: percent for resource, percent in wanted.items() if percent is not None}


def _given(runtime: Any) -> Any:
    """Return nothing for null, which server-side apply leaves where it takes all fields of an object away."""
    return {} if runtime is None else runtime


class ModelDeploymentSpec(Model):
    """What a person asks for."""

    replicas: Replicas = 1
    """Pods of the stable revision; not set beside `autoscaling`, which decides then."""
    autoscaling: Autoscaling | None = None
    """Lets the number of pods follow the load, in place of `replicas`."""
    model: ModelSource | None = None
    """The model that is served, for a container that does not hold it already."""
    runtime: Annotated[Runtime, BeforeValidator(_given), Field(json_schema_extra={"nullable": True})] = Runtime()
    """What serves it: a container of your own, or one of the operator's runtimes."""
    route: Route | None = None
    """Traffic from outside, through a Gateway. Without it the Service is split by replica ratio."""
    rollout: Rollout = Rollout()
    """How a new revision takes over."""
    analysis: Analysis = Analysis()
    """How a new revision is judged."""

    @model_validator(mode="after")
    def _has_one_size(self) -> "ModelDeploymentSpec":
        if self.autoscaling and self.replicas != 1:  # 1 is what the API server fills in
            raise ValueError(
                f"replicas is {self.replicas}, which decides nothing beside autoscaling: remove one of the two"
            )
        return self

    @model_validator(mode="after")
    def _something_serves(self) -> "ModelDeploymentSpec":
        if not self.runtime.image and not self.runtime.name and not (self.model and self.model.format):
            raise ValueError(
                "nothing says what serves: set model.format, or name a runtime in runtime.name, or a container of your own in runtime.image with runtime.port"
            )
        return self

    @model_validator(mode="after")
    def _the_guard_has_counters(self) -> "ModelDeploymentSpec":
        own = self.runtime.image and not self.runtime.name  # the counters of the others are in the catalogue
        if self.analysis.guard and own and self.runtime.metrics is None:
            raise ValueError(
                "analysis.guard is true but runtime.metrics is not set: name the container's request counter there"
            )
        return self

    @model_validator(mode="after")
    def _steps_fit_into_the_time(self) -> "ModelDeploymentSpec":
        shortest, limit = sum(step.min_duration for step in self.rollout.steps), self.analysis.max_duration
        if limit is not None and limit <= shortest:
            raise ValueError(
                f"analysis.maxDuration is {render(limit)} but must be above {render(shortest)}, the sum of rollout.steps[].minDuration"
            )
        return self
