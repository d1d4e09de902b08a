"""The catalogue as tests use it."""

from __future__ import annotations

from typing import Any

from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired.model import Pin
from serinus.desired.serving import Serving, resolve
from serinus.runtimes.loading import Images, load

IMAGES = Images("serinus/server:1.0.0", "serinus/server:1.0.0-full", "serinus/storage:1.0.0", "serinus/logger:1.0.0")
CATALOGUE = load("", IMAGES)


def serving(
    raw: dict[str, Any],
    name: str = "churn",
    revision: str = "aaaaaaaaaa",
    version: str = "",
    pin: Pin | None = None,
) -> Serving:
    """Return what serves a spec."""
    spec = ModelDeploymentSpec.model_validate(raw)
    pin = pin or (Pin(spec.model.uri, version) if spec.model else None)
    return resolve(name, revision, spec, pin, CATALOGUE)
