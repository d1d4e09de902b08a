"""The spec of a ModelDeployment, `serinus.dev/v1alpha1`.

Docstrings of fields become the descriptions of the CRD. Nothing below `runtime` has a
CRD default: the API server would write a changed default into stored objects and make
new revisions of them. The operator's defaults are resolved once, into the revision.
"""

import re
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator, model_validator

from serinus.api.analysis import Analysis, Compare, Latency, Mean, Metric, OnHold, Source
from serinus.api.base import PRESERVE, LabelName, Model, SeriesName
from serinus.api.durations import AtLeastOneSecond, Duration, render

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

DnsName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Hostname = Annotated[
    str,
    StringConstraints(
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
Weight = Annotated[int, Field(ge=1, le=100)]
Fragment = Annotated[dict[str, Any], Field(json_schema_extra=PRESERVE)]


class ConfigMapRef(Model):
    """A ConfigMap whose contents belong to the revision: an edit of it is a new revision."""

    name: DnsName
    """Name of a ConfigMap in the same namespace."""
    mount_path: Annotated[str, StringConstraints(pattern=r"^/.+", max_length=253)] | None = None
    """Folder where its keys appear as files; without it they become environment variables."""


class Probes(Model):
    """Kubernetes probes of the model container."""

    readiness: Fragment | None = None
    """A core/v1 Probe. Default: a TCP connection to `port`."""
    liveness: Fragment | None = None
    """A core/v1 Probe. Default: none."""
    startup: Fragment | None = None
    """A core/v1 Probe. Default: none."""


class RuntimeMetrics(Model):
    """The request counter and the histogram that the model container exposes by itself."""

    port: Port | None = None
    """Port of the metrics endpoint; the serving port when absent."""
    path: Annotated[str, StringConstraints(pattern=r"^/.*", max_length=253)] | None = None
    """Path of the metrics endpoint; /metrics when absent."""
    requests: SeriesName | None = None
    """Name of the request counter; http_requests_total when absent."""
    status_label: LabelName | None = None
    """Label that holds the status of a response; status when absent."""
    errors: Annotated[str, StringConstraints(max_length=128)] | None = None
    """Regular expression of the values of `statusLabel` that are errors; 5.. when absent."""
    latency: SeriesName | None = None
    """Name of the histogram of latencies in seconds, without _bucket; http_request_duration_seconds when absent."""

    @field_validator("errors")
    @classmethod
    def _is_an_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        return value


class Runtime(Model):
    """The container that serves the model. All of it is part of the revision."""

    image: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """Image of the model server. Use a fixed tag or a digest: a tag that moves cannot be rolled back."""
    command: Annotated[list[str], Field(max_length=64)] | None = None
    """Entrypoint of the container; the image's own when absent."""
    args: Annotated[list[str], Field(max_length=256)] | None = None
    """Arguments of the entrypoint; the image's own when absent."""
    env: Annotated[list[Fragment], Field(max_length=256)] | None = None
    """Environment variables, each a core/v1 EnvVar. Secrets are referenced here and never read."""
    port: Port
    """TCP port on which the container answers HTTP."""
    resources: Fragment | None = None
    """core/v1 ResourceRequirements of the model container."""
    probes: Probes | None = None
    """Probes of the model container."""
    config_maps: Annotated[list[ConfigMapRef], Field(max_length=16)] | None = None
    """ConfigMaps that are copied into the revision."""
    metrics: RuntimeMetrics | None = None
    """Set this when the container counts its own requests for Prometheus."""
    pod_template: Fragment | None = None
    """A core/v1 PodTemplateSpec laid over the generated one; lists of named items merge by name."""

    @field_validator("pod_template")
    @classmethod
    def _is_a_template(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        parts = value or {}
        metadata = parts.get("metadata")
        parts = {"metadata": metadata, "spec": parts.get("spec")}
        if isinstance(metadata, dict):
            parts["metadata.labels"] = metadata.get("labels")
        for name, part in parts.items():
            if part is not None and not isinstance(part, dict):
                raise ValueError(f"{name} is {str(part)[:80]!r} but must be an object, as in a core/v1 PodTemplateSpec")
        return value


class Route(Model):
    """How traffic from outside reaches the model: an HTTPRoute that the operator owns."""

    gateway: Annotated[
        str,
        StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=317),
    ]
    """The Gateway to attach to: `name`, or `namespace/name`."""
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = []
    """Host names that the route answers; every host of the Gateway when empty."""
    paths: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^/", max_length=1024)]],
        Field(min_length=1, max_length=8),
    ] = ["/"]
    """Path prefixes that the route answers."""
    timeout: Duration = 30.0
    """Longest time that the gateway lets one request take; drains wait at least as long."""


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


class ModelDeploymentSpec(Model):
    """What a person asks for."""

    replicas: Replicas = 1
    """Pods of the stable revision; not set beside `autoscaling`, which decides then."""
    autoscaling: Autoscaling | None = None
    """Lets the number of pods follow the load, in place of `replicas`."""
    runtime: Runtime
    """The container that serves the model."""
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
    def _the_guard_has_counters(self) -> "ModelDeploymentSpec":
        if self.analysis.guard and self.runtime.metrics is None:
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
