"""Immutable revisions, kept in ControllerRevisions.

The hash covers the stored `spec.model` and `spec.runtime`, as the API server holds them and
not as this version of the models reads them, and what they resolved to: the version of the
model, the contents of ConfigMaps. What the catalogue made of them is not in it. The rendered pod
template is kept beside it and re-applied from there, so that an operator with other
builders or defaults neither makes a revision nor restarts a pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serinus.api.model import data_file
from serinus.api.protocol import Protocol
from serinus.api.runtime import Tls
from serinus.api.status import ModelStatus
from serinus.api.timestamps import parse
from serinus.desired import labels, names, owner, pod
from serinus.desired.model import Pin
from serinus.desired.serving import Serving

Manifest = dict[str, Any]
Contents = dict[str, dict[str, str]]
"""`data` and `binaryData` of a ConfigMap."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of the model server, as it was when it was first seen."""

    hash: str
    template: Manifest
    config_maps: Mapping[str, Contents]
    metrics: Manifest | None
    """The stored `runtime.metrics`, or the catalogue's, which names the counters of this revision's pods."""
    runtime: str = ""
    """The catalogue's name of what serves it; empty for a container of the spec's own."""
    model: Manifest = field(default_factory=dict)
    """The stored `spec.model`, and under `resolved` what its address was resolved to."""
    data_version: str = ""
    """What its fetching container told of a DVC file; empty until then, and where nobody asked."""
    tls: Tls | None = None
    """How a gateway knows its pods, where they answer HTTPS."""
    promoted_at: float | None = None
    """Unix seconds of its last promotion."""
    uid: str = ""
    number: int = 0
    """Order of creation."""

    @property
    def image(self) -> str:
        """Return the image of the model container."""
        containers = self.template["spec"]["containers"]
        return next((str(c["image"]) for c in containers if c["name"] == pod.CONTAINER), "")

    @property
    def protocols(self) -> frozenset[Protocol]:
        """Return what the model container serves, by the names of its ports; HTTP where they tell nothing."""
        containers = self.template["spec"]["containers"]
        named = {
            port.get("name") for one in containers if one["name"] == pod.CONTAINER for port in one.get("ports") or []
        }
        return frozenset(protocol for protocol in Protocol if protocol.port_name in named) or frozenset({Protocol.HTTP})

    @property
    def made_from(self) -> ModelStatus | None:
        """Return its model as status tells it."""
        if "model" not in self.model:
            return None
        model, resolved = self.model["model"], self.model.get("resolved", {})
        told = {"dataVersion": self.data_version or None} if self.data_file else {}
        return ModelStatus.model_validate({**resolved, **model, "uri": resolved.get("uri", model["uri"]), **told})

    @property
    def data_file(self) -> str | None:
        """Return the path of the DVC file that its fetching container tells of; None where there is none."""
        return data_file(self.model.get("model", {}).get("dataVersion"))


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes a revision: parts of a spec as they are stored, and what they resolved to."""

    runtime: Manifest
    config_maps: Mapping[str, Contents]
    model: Manifest | None = None
    pin: Pin | None = None
    """What the model's address was resolved to; None without a model."""

    @property
    def hash(self) -> str:
        """Return the hash of all of it; without a model it is what it was before there were models."""
        models = {"model": self.model, "resolved": self.pin.identity} if self.pin else {}
        return names.digest({"runtime": self.runtime, "configMaps": dict(self.config_maps), **models})

    @property
    def models(self) -> Manifest:
        """Return what it keeps of a model."""
        return {"model": self.model, "resolved": self.pin.record} if self.pin else {}


def create(name: str, origin: Origin, serving: Serving, number: int) -> Revision:
    """Return the new revision of an origin, its template rendered by this operator's builders."""
    metrics = origin.runtime.get("metrics")
    if metrics is None and serving.runtime.metrics:
        metrics = serving.runtime.metrics.model_dump(mode="json", by_alias=True, exclude_none=True)
    template = pod.template(name, origin.hash, serving)
    return Revision(
        origin.hash,
        template,
        dict(origin.config_maps),
        metrics,
        serving.name,
        origin.models,
        tls=serving.runtime.tls,
        number=number,
    )


def manifest(name: str, namespace: str, revision: Revision, parent: owner.Owner, raw_runtime: Manifest) -> Manifest:
    """Return the ControllerRevision that records a new revision."""
    told = {"name": revision.runtime, **({"metrics": revision.metrics} if revision.metrics is not None else {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": names.of_revision(name, revision.hash),
            "namespace": namespace,
            "labels": labels.child(name, revision.hash),
            "ownerReferences": owner.references(parent),
        },
        "revision": revision.number,
        "data": {
            "runtime": raw_runtime,
            "template": revision.template,
            "configMaps": dict(revision.config_maps),
            **revision.model,
            **({"catalogue": told} if revision.runtime else {}),
        },
    }


def read(stored: Manifest) -> Revision:
    """Return the revision that a ControllerRevision records.

    Raises:
        KeyError, TypeError, ValueError: the object was not written by this operator.
    """
    metadata, data = stored["metadata"], stored["data"]
    promoted = metadata.get("annotations", {}).get(labels.PROMOTED_AT)
    at = parse(promoted) if promoted else None
    catalogued = data.get("catalogue") or {}
    return Revision(
        hash=metadata["labels"][labels.REVISION],
        template=data["template"],
        config_maps=data.get("configMaps") or {},
        metrics=catalogued.get("metrics", data["runtime"].get("metrics")),
        runtime=catalogued.get("name", ""),
        model={key: data[key] for key in ("model", "resolved") if key in data},
        data_version=metadata.get("annotations", {}).get(labels.DATA_VERSION, ""),
        tls=Tls.model_validate(data["runtime"]["tls"]) if data["runtime"].get("tls") else None,
        promoted_at=float(at) if isinstance(at, (int, float)) else None,
        uid=metadata["uid"],
        number=stored["revision"],
    )


def copies(namespace: str, name: str, revision: Revision) -> list[Manifest]:
    """Return the revision's own immutable ConfigMaps; they live as long as its record."""
    record = owner.Owner("apps/v1", "ControllerRevision", names.of_revision(name, revision.hash), revision.uid)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.config_map_copy(config_map, revision.hash),
                "namespace": namespace,
                "labels": labels.child(name, revision.hash),
                "ownerReferences": owner.references(record),
            },
            "immutable": True,
            **contents,
        }
        for config_map, contents in revision.config_maps.items()
    ]
