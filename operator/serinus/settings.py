"""The operator's settings, from the environment, checked once at the start."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serinus import __version__
from serinus.api.durations import Duration

ADDRESS = r"^(https?://[^/\s@]+(/\S*)?)?$"
HEADER = r"^[A-Za-z0-9-]+$"
HEADER_VALUE = r"^[ -~]+$"
Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting is `SERINUS_<NAME>`; lists are separated by commas."""

    model_config = SettingsConfigDict(
        env_prefix="SERINUS_",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,  # an address may hold a password, and a header a key
    )

    namespaces: Names = ()
    """Namespaces to serve; empty means the whole cluster."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    log_format: Literal["json", "text"] = "json"
    """One JSON object per line, or text for people."""
    prometheus_address: Annotated[str, Field(pattern=ADDRESS)] = ""
    """The operator's own Prometheus; empty when there is none. Without a login: addresses are told in status."""
    prometheus_allowed: Names = ()
    """Addresses that a ModelDeployment may name instead."""
    prometheus_timeout: Duration = 5.0
    """Longest time a query may take."""
    prometheus_headers: dict[Annotated[str, Field(pattern=HEADER)], Annotated[str, Field(pattern=HEADER_VALUE)]] = {}
    """Headers of each query to the operator's own Prometheus, as a JSON object: a tenant's, such as X-Scope-OrgID."""
    prometheus_credentials: str = ""
    """A folder with a file called token, or files called username and password, for it alone."""
    prometheus_tls: str = ""
    """A folder with ca.crt, the authority of its certificate, or tls.crt and tls.key, the operator's own, or all."""
    custom_queries: bool = True
    """Whether `spec.analysis.metrics` may hold PromQL."""
    custom_query_proxy: Annotated[str, Field(pattern=ADDRESS)] = ""
    """Where that PromQL is asked, whatever a spec says: a proxy that shows a namespace its own series alone; empty for none."""
    custom_query_header: Annotated[str, Field(pattern=HEADER)] = "X-Namespace"
    """Header that tells it the namespace of the model."""
    max_rollouts: Annotated[int, Field(ge=0)] = 0
    """Rollouts that may be in progress at the same time; 0 for any number."""
    max_rollouts_per_namespace: Annotated[int, Field(ge=0)] = 0
    """The same within one namespace."""
    workers: Annotated[int, Field(ge=1, le=256)] = 32
    """ModelDeployments that are worked on at once."""
    lease_namespace: str = ""
    """Namespace of the Lease that decides which of several operators works; empty where there is one only."""
    lease_name: str = "serinus"
    """Name of that Lease."""
    runtimes: str = ""
    """A YAML file that is laid over the catalogue of runtimes; empty when there is none."""
    server_image: Annotated[str, Field(min_length=1)] = f"serinus/server:{__version__}"
    """Image of our own model server."""
    server_full_image: Annotated[str, Field(min_length=1)] = f"serinus/server:{__version__}-full"
    """The same with ONNX Runtime, XGBoost, LightGBM, LiteRT and pandas."""
    storage_image: Annotated[str, Field(min_length=1)] = f"serinus/storage:{__version__}"
    """Image of the init container that fetches models."""
    logger_image: Annotated[str, Field(min_length=1)] = f"serinus/logger:{__version__}"
    """Image of the sidecar that logs predictions."""
    mlflow_tracking_uri: Annotated[str, Field(pattern=ADDRESS)] = ""
    """The MLflow server whose registry `models:/` addresses are about; empty when there is none."""
    mlflow_credentials: str = ""
    """A folder with files called MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."""
    mlflow_interval: Annotated[Duration, Field(ge=1.0)] = 30.0
    """How often an address that moves is asked for."""
    mlflow_timeout: Duration = 10.0
    """Longest time that an answer may take."""
    health_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port of the liveness probe."""
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = 9090
    """Port of the operator's own Prometheus metrics."""
    kubeconfig: str | None = None
    """Kubeconfig file when the operator runs outside a cluster."""
    context: str | None = None
    """Context of that file."""

    @field_validator("namespaces", "prometheus_allowed", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
