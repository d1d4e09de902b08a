"""`spec.runtime`: the container that serves a model."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from serinus.api.base import HOST_NAME, DnsLabel, DnsName, Fragment, LabelName, Model, SeriesName
from serinus.api.prediction_log import PredictionLog

Port = Annotated[int, Field(ge=1, le=65535)]


class LatencyUnit(StrEnum):
    """What the bounds of a histogram are counted in."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"


class ConfigMapRef(Model):
    """A ConfigMap whose contents belong to the revision: an edit of it is a new revision."""

    name: DnsName
    """Name of a ConfigMap in the same namespace."""
    mount_path: Annotated[str, StringConstraints(pattern=r"^/.+", max_length=253)] | None = None
    """Folder where its keys appear as files; without it they become environment variables."""


class Probes(Model):
    """Kubernetes probes of the model container."""

    readiness: Fragment | None = None
    """A core/v1 Probe. Default: a TCP connection to `port`; where only gRPC is served, the standard gRPC health check."""
    liveness: Fragment | None = None
    """A core/v1 Probe. Default: none."""
    startup: Fragment | None = None
    """A core/v1 Probe. Default: none."""


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    return value


Expression = Annotated[str, StringConstraints(max_length=128), AfterValidator(_expression)]


class Exclusion(Model):
    """Requests that are none of a user's, such as those of probes: they would dilute the others."""

    label: LabelName
    """A label of the counter and the histogram, such as handler."""
    values: Expression
    """Regular expression of its values that are left out, such as `/health.*`."""


class RequestMetrics(Model):
    """A request counter and a histogram."""

    requests: SeriesName | None = None
    """Name of the request counter; http_requests_total when absent, for gRPC grpc_server_handled_total."""
    status_label: LabelName | None = None
    """Label that holds the status of a response; status when absent, for gRPC grpc_code."""
    failures: SeriesName | None = None
    """Name of a counter of failed answers, where `requests` counts the others only; `statusLabel` and `errors` decide nothing then."""
    errors: Expression | None = None
    """Regular expression of the values of `statusLabel` that are errors; 5.. when absent, for gRPC the names of the codes that are the server's fault."""
    latency: Annotated[str, StringConstraints(pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$", max_length=128)] | None = None
    """Name of the histogram of latencies, without _bucket; http_request_duration_seconds when absent, for gRPC grpc_server_handling_seconds; empty when there is none."""
    latency_unit: LatencyUnit | None = None
    """The unit of its bounds; seconds when absent."""
    exclude: Exclusion | None = None
    """What is counted but not judged; for gRPC the standard health checks when absent."""


class RuntimeMetrics(RequestMetrics):
    """The request counter and the histogram that the model container exposes by itself: those of HTTP, and in `grpc` those of gRPC."""

    port: Port | None = None
    """Port of the metrics endpoint; the serving port when absent."""
    path: Annotated[str, StringConstraints(pattern=r"^/.*", max_length=253)] | None = None
    """Path of the metrics endpoint; /metrics when absent."""
    grpc: RequestMetrics | None = None
    """Counters of gRPC requests, `{}` for the usual names; the same names again where one counter tells of both protocols."""


class Authority(Model):
    """Certificates that a certificate is checked against, in the key `ca.crt`."""

    name: DnsName
    """Name of the object, in the same namespace. It is the gateway that reads it: what it holds may change without a new revision."""
    kind: Literal["ConfigMap", "Secret"] | None = None
    """ConfigMap when absent. Every gateway reads ConfigMaps; Envoy Gateway also reads Secrets, such as cert-manager's."""


class Tls(Model):
    """How the gateway knows a container that answers HTTPS: Serinus makes a BackendTLSPolicy of it for the revision's Service."""

    hostname: Annotated[str, StringConstraints(pattern=rf"^{HOST_NAME}$", max_length=253)]
    """Name in the container's certificate, which the gateway asks for (SNI) and checks."""
    ca: Authority | None = None
    """Who must have signed it; absent: whom the gateway's own system trusts."""


class Runtime(Model):
    """The container that serves the model. All of it is part of the revision."""

    name: DnsLabel | None = None
    """A runtime of the operator's catalogue, such as serinus-server, mlserver, triton or vllm; picked by `model.format` when neither this nor `image` is set."""
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Image of the model server: a container of your own, or another build of the runtime in `name`. Use a fixed tag or a digest: a tag that moves cannot be rolled back."""
    command: Annotated[list[str], Field(max_length=64)] | None = None
    """Entrypoint of the container, in place of the image's own, and of command and arguments of a runtime of the catalogue."""
    args: Annotated[list[str], Field(max_length=256)] | None = None
    """Arguments of the entrypoint; the image's own when absent. Those of a runtime of the catalogue come before them."""
    env: Annotated[list[Fragment], Field(max_length=256)] | None = None
    """Environment variables, each a core/v1 EnvVar. Secrets are referenced here and never read."""
    port: Port | None = None
    """TCP port on which your own `image` answers HTTP; that of the catalogue's runtime when absent."""
    grpc_port: Port | None = None
    """TCP port on which your own `image` answers gRPC without TLS, beside `port` or alone; that of the catalogue's runtime when absent."""
    tls: Tls | None = None
    """Set this when your own `image` answers HTTPS at `port`. A `grpcPort` beside it stays without TLS."""
    resources: Fragment | None = None
    """core/v1 ResourceRequirements of the model container."""
    probes: Probes | None = None
    """Probes of the model container."""
    config_maps: Annotated[list[ConfigMapRef], Field(max_length=16)] | None = None
    """ConfigMaps that are copied into the revision."""
    metrics: RuntimeMetrics | None = None
    """Set this when the container counts its own requests for Prometheus."""
    prediction_log: PredictionLog | None = None
    """Logs requests and answers: Serinus' own server does it by itself, before any other a sidecar is put."""
    pod_template: Fragment | None = None
    """A core/v1 PodTemplateSpec laid over the generated one; lists of named items merge by name."""

    @model_validator(mode="after")
    def _knows_its_ports(self) -> Self:
        for field, port in (("port", self.port), ("grpcPort", self.grpc_port)):
            if port is not None and not self.image:
                raise ValueError(
                    f"{field} is {port}, but only an image of your own listens elsewhere than its runtime: remove it"
                )
        if self.port is not None and self.port == self.grpc_port:
            raise ValueError(f"grpcPort is {self.port} as port is: only one of them can be there, leave the other out")
        if self.image and not self.name and self.port is None and self.grpc_port is None:
            raise ValueError(
                f"port: Field required beside image {self.image!r}: the TCP port on which it answers HTTP; or grpcPort, for gRPC"
            )
        return self

    @model_validator(mode="after")
    def _is_scraped_where_it_counts(self) -> Self:
        if self.metrics and self.grpc_port is not None and self.port is None and not self.name:
            if self.metrics.port is None:
                raise ValueError("metrics.port: Field required beside grpcPort alone: Prometheus asks by HTTP")
            if self.metrics.grpc is None:
                raise ValueError(
                    "metrics.grpc: Field required beside grpcPort alone: the names of the gRPC counters, {} for the usual ones"
                )
        return self

    @model_validator(mode="after")
    def _answers_what_is_logged(self) -> Self:
        if self.prediction_log and self.grpc_port is not None and self.port is None and not self.name:
            raise ValueError("predictionLog: only HTTP is logged, and grpcPort stands alone: remove it, or set port")
        return self

    @model_validator(mode="after")
    def _encrypts_what_nobody_else_reads(self) -> Self:
        if self.tls is None:
            return self
        if self.name or self.port is None:
            raise ValueError(
                f"tls: only an image of your own with port answers HTTPS, and runtime has name {self.name!r} and port {self.port}: remove one"
            )
        if self.prediction_log:
            raise ValueError("tls: predictionLog reads what passes, which tls hides from it: remove one of the two")
        if self.metrics and self.metrics.port in {None, self.port}:
            raise ValueError(
                f"metrics.port is {self.metrics.port} beside tls, but counters are read without TLS: name another port than {self.port}"
            )
        return self

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
