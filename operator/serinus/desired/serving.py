"""What serves a revision: the spec with everything filled in that it left to the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serinus.api.runtime import Probes, Runtime
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired.model import TARGET, Delivery, Pin
from serinus.desired.sidecar import Sidecar, environment
from serinus.runtimes.catalogue import OWN_SERVER, Adjustment, Catalogue, Entry, Unserved


@dataclass(frozen=True, slots=True)
class Serving:
    """A container with its image and port, and the model that it gets, if any."""

    runtime: Runtime
    delivery: Delivery | None = None
    name: str = ""
    """The catalogue's name of the runtime; empty for a container of the spec's own."""
    pod_template: Mapping[str, Any] = field(default_factory=dict)
    """What the runtime needs of its pods; the spec's own template is laid over it."""
    sidecar: Sidecar | None = None
    """What logs predictions, for a server that does not do it by itself."""


def resolve(name: str, revision: str, spec: ModelDeploymentSpec, pin: Pin | None, catalogue: Catalogue) -> Serving:
    """Return what serves the revision of a model.

    Args:
        name: of the ModelDeployment; servers know the model by it.
        revision: its version, where the spec and the registry tell none.
        spec: a valid one.
        pin: what the address of `spec.model` was resolved to; None without a model.
        catalogue: the runtimes that there are.

    Raises:
        Unserved: no runtime serves what it asks for.
    """
    picked = catalogue.pick(spec.runtime, spec.model)
    path = picked[1].mount_path if picked else None
    known = {"name": name, "version": revision, "format": "", "path": _filled(path or TARGET, {"name": name})}
    if spec.model and pin:
        known |= {"version": spec.model.version or pin.version or revision, "format": spec.model.format or ""}
        delivery = Delivery(spec.model, pin, catalogue.fetcher, known["path"])
    else:
        delivery = None
    if picked is None:
        return Serving(spec.runtime, delivery, sidecar=_sidecar(spec.runtime, known, catalogue))
    entry = Entry.model_validate(_filled(picked[1].model_dump(by_alias=True, exclude_none=True), known))
    runtime = _completed(spec.runtime, entry, known["format"])
    if runtime.prediction_log and picked[0] == OWN_SERVER:
        env = _env(environment(runtime.prediction_log), runtime.env or [])
        return Serving(runtime.model_copy(update={"env": env}), delivery, picked[0], entry.pod_template or {})
    return Serving(runtime, delivery, picked[0], entry.pod_template or {}, _sidecar(runtime, known, catalogue))


def _sidecar(runtime: Runtime, known: Mapping[str, str], catalogue: Catalogue) -> Sidecar | None:
    if runtime.prediction_log is None:
        return None
    if runtime.port is None:
        raise Unserved(
            f"spec.runtime.predictionLog: only HTTP is logged, and {runtime.name!r} answers gRPC alone: remove it"
        )
    ports = (runtime.port, runtime.grpc_port, runtime.metrics.port if runtime.metrics else None)
    taken = frozenset(port for port in ports if port)
    return Sidecar(runtime.prediction_log, catalogue.logger, known["name"], known["version"], runtime.port, taken)


def _completed(own: Runtime, entry: Entry, model_format: str) -> Runtime:
    """Lay what a spec says over what its runtime is."""
    for_format = entry.formats.get(model_format, Adjustment())
    base_args = [] if own.command else [*entry.args, *for_format.args]
    whole = {
        "name": own.name,
        "image": own.image or for_format.image or entry.image,
        "port": own.port or entry.port,
        "grpc_port": own.grpc_port or entry.grpc_port,
        "command": own.command or entry.command,
        "args": [*base_args, *(own.args or [])] or None,
        "env": _env([*entry.env, *for_format.env], own.env or []) or None,
        "resources": own.resources,
        "probes": _probes(own.probes, entry.probes),
        "config_maps": own.config_maps,
        "metrics": own.metrics or entry.metrics,
        "prediction_log": own.prediction_log,
        "pod_template": own.pod_template,
    }
    return Runtime.model_validate(whole)


def _probes(own: Probes | None, entry: Probes) -> Probes:
    return entry.model_copy(update=own.model_dump(exclude_none=True) if own else {})


def _env(entry: list[dict[str, Any]], own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join variables; one of the spec's own replaces the runtime's, and one without a value is left out."""
    named = {variable.get("name") for variable in own}
    kept = [one for one in entry if one.get("name") not in named and one.get("value") != ""]
    return kept + own


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """Return a part of an entry with what is known of the model in the place of its names."""
    if isinstance(value, dict):
        return {key: _filled(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    if isinstance(value, str):
        for key, text in known.items():
            value = value.replace(f"{{{key}}}", text)
    return value
