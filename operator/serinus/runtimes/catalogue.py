"""The catalogue of runtimes: what a named runtime or the format of a model stands for.

It is data, `catalogue.yaml` beside this module and what the chart lays over it. A revision keeps
what it was made from, so a changed catalogue changes no revision that is there.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import StringConstraints, model_validator

from serinus.api.base import DnsLabel, Fragment, Model
from serinus.api.model import FormatName, ModelSource
from serinus.api.runtime import Port, Probes, Runtime, RuntimeMetrics

Image = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Folder = Annotated[str, StringConstraints(pattern=r"^/\S+$", max_length=253)]
OWN_SERVER = "serinus-server"
"""The entry of the server whose image is released with the operator."""


class Unserved(ValueError):  # noqa: N818 - a state of a spec, told as such
    """No runtime serves what a spec asks for; the message says what the catalogue has."""


class Adjustment(Model):
    """What a runtime needs for models of one format."""

    image: Image | None = None
    """Another image than the runtime's usual one."""
    args: list[str] = []
    env: list[Fragment] = []


class Entry(Model):
    """One runtime. In its texts `{name}`, `{version}`, `{format}` and `{path}` stand for those of the model."""

    image: Image | None = None
    """None where the image holds the model, so that a spec must name it."""
    formats: dict[FormatName, Adjustment] = {}
    """Formats of models that it serves; none where it does not matter."""
    port: Port | None = None
    """Where it answers HTTP."""
    grpc_port: Port | None = None
    """Where it answers gRPC."""
    command: list[str] | None = None
    args: list[str] = []
    env: list[Fragment] = []
    probes: Probes = Probes()
    mount_path: Folder | None = None
    """Where it looks for the model; None where it needs none."""
    metrics: RuntimeMetrics | None = None
    """Its own counters; None where they cannot tell errors from successes, so that the gateway's judge."""
    pod_template: Fragment | None = None
    """What its pods need beside that."""

    @model_validator(mode="after")
    def _listens(self) -> Self:
        if self.port is None and self.grpc_port is None:
            raise ValueError("port: Field required, or grpcPort: the TCP port on which it answers")
        if self.port is None and self.metrics and self.metrics.port is None:
            raise ValueError("metrics.port: Field required beside grpcPort alone: Prometheus asks by HTTP")
        return self


class Fetcher(Model):
    """The init container that fetches a model."""

    image: Image
    resources: Fragment = {}
    tracking_uri: str = ""
    """The registry of `models:/` addresses; empty where there is none."""


class Logger(Model):
    """The sidecar that logs the predictions of servers which do not do it by themselves."""

    image: Image
    resources: Fragment = {}


class Catalogue(Model):
    """All runtimes, the formats' usual ones, what fetches models and what logs predictions."""

    fetcher: Fetcher
    logger: Logger
    defaults: dict[FormatName, DnsLabel]
    """The runtime that serves a format unless a spec names another."""
    runtimes: dict[DnsLabel, Entry]

    @model_validator(mode="after")
    def _defaults_serve(self) -> Self:
        for wanted, name in self.defaults.items():
            if wanted not in (self.runtimes[name].formats if name in self.runtimes else ()):
                raise ValueError(f"defaults.{wanted} is {name!r}, which is no runtime of the catalogue that serves it")
        for name, entry in self.runtimes.items():
            if missing := entry.formats.keys() - self.defaults.keys():
                raise ValueError(
                    f"runtimes.{name}.formats has {min(missing)!r}: say in defaults which runtime serves it"
                )
        return self

    def pick(self, runtime: Runtime, model: ModelSource | None) -> tuple[str, Entry] | None:
        """Return name and entry of the runtime that a spec asks for; None for a container of its own.

        Raises:
            Unserved: there is none, or the spec lacks something that it needs.
        """
        wanted = model.format if model else None
        if not runtime.name and runtime.image:
            return None
        name = runtime.name or self.defaults.get(wanted or "")
        if name is None:
            raise Unserved(
                f"spec.model.format is {wanted!r}, which no runtime serves: use one of {_listed(self.defaults)}, or set spec.runtime.image and port"
            )
        if name not in self.runtimes:
            raise Unserved(
                f"spec.runtime.name is {name!r}, which is not in the catalogue: it has {_listed(self.runtimes)}"
            )
        entry = self.runtimes[name]
        if entry.image is None and not runtime.image:
            raise Unserved(
                f"spec.runtime.name is {name!r}, which runs images that hold the model: set spec.runtime.image"
            )
        mounted = {reference.mount_path for reference in runtime.config_maps or []}
        if entry.mount_path and model is None and entry.mount_path not in mounted:
            raise Unserved(
                f"spec.runtime.name is {name!r}, which loads a model: set spec.model.uri, or mount one of "
                f"spec.runtime.configMaps at {entry.mount_path}"
            )
        if (
            model
            and entry.formats
            and wanted not in entry.formats
            and (wanted or any(map(_says, entry.formats.values())))
        ):
            raise Unserved(
                f"spec.model.format is {wanted!r}, which runtime {name!r} does not serve: use one of {_listed(entry.formats)}"
            )
        return name, entry


def catalogue(built_in: Mapping[str, Any], over: Mapping[str, Any]) -> Catalogue:
    """Return the catalogue of the package with another one laid over it.

    The fields that an entry names replace those of the built-in entry; None removes a runtime, and
    the defaults that name it. A format that one runtime alone serves needs no default.

    Raises:
        ValueError, TypeError, AttributeError: it is none.
    """
    runtimes: dict[str, Any] = dict(built_in["runtimes"])
    for name, entry in (over.get("runtimes") or {}).items():
        runtimes[name] = None if entry is None else {**(runtimes.get(name) or {}), **entry}
    runtimes = {name: entry for name, entry in runtimes.items() if entry is not None}
    serving: dict[str, list[str]] = defaultdict(list)
    for name, entry in runtimes.items():
        for served in entry.get("formats") or ():
            serving[served].append(name)
    defaults = {served: names[0] for served, names in serving.items() if len(names) == 1}
    defaults |= {served: name for served, name in built_in["defaults"].items() if name in runtimes}
    whole = {
        **over,
        **{part: {**built_in[part], **(over.get(part) or {})} for part in ("fetcher", "logger")},
        "defaults": {**defaults, **(over.get("defaults") or {})},
        "runtimes": runtimes,
    }
    return Catalogue.model_validate(whole)


def _says(adjustment: Adjustment) -> bool:
    return bool(adjustment.args or adjustment.env)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names))
