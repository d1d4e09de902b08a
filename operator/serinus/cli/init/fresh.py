"""A manifest for something that does not run yet."""

from __future__ import annotations

import re
from typing import Any

from serinus.api.v1alpha1 import GROUP, KIND, MAX_NAME, VERSION

Manifest = dict[str, Any]


def manifest(name: str, namespace: str | None, spec: Manifest) -> Manifest:
    """Return a ModelDeployment."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata, "spec": spec}


def name_of(address: str) -> str:
    """Return a name for what lies at an address: of an image without its tag, or of a model.

    >>> name_of("registry.example.com:5000/team/recommender:1.4.0"), name_of("s3://models/churn/model.onnx")
    ('recommender', 'churn')
    >>> name_of("models:/Fraud_Score@champion"), name_of("hf://org/bert")
    ('fraud-score', 'bert')
    """
    path = re.sub(r"^models:/", "", address).partition("@")[0].rstrip("/")
    parts = [part for part in re.split(r"[:/]+", path) if part]
    speaking = [part for part in parts if not re.fullmatch(r"v?[0-9.]+|latest|model\.\w+|model", part)]
    word = re.sub(r"[^a-z0-9]+", "-", (speaking or ["model"])[-1].lower().rsplit(".", 1)[0]).strip("-")
    word = re.sub(r"^[^a-z]+", "", word)
    return word[:MAX_NAME].strip("-") or "model"


def of_model(uri: str, kind: str | None) -> Manifest:
    """Return the spec of a model that a runtime of the catalogue serves."""
    return {"model": {"uri": uri, **({"format": kind} if kind else {})}}


def of_image(image: str, port: int) -> Manifest:
    """Return the spec of a container of one's own."""
    return {"runtime": {"image": image, "port": port}}


def routed(gateway: str | None, hostnames: tuple[str, ...]) -> Manifest:
    """Return the part of a spec that says where traffic comes from."""
    return {"route": {"gateway": gateway, **({"hostnames": list(hostnames)} if hostnames else {})}} if gateway else {}
