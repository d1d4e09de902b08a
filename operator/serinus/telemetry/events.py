"""Kubernetes Events, one per transition."""

from typing import Any

from serinus.api.timestamps import render_seconds
from serinus.api.v1alpha1 import GROUP, KIND, VERSION
from serinus.rollout.step import Event

MAX_MESSAGE = 1000


def manifest(namespace: str, name: str, uid: str, event: Event, at: float) -> dict[str, Any]:
    """Return the core/v1 Event that tells a transition at a time in Unix seconds."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{name}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "name": name,
            "namespace": namespace,
            "uid": uid,
        },
        "reason": event.reason,
        "message": event.message[:MAX_MESSAGE],
        "type": "Warning" if event.warning else "Normal",
        "count": 1,
        "firstTimestamp": render_seconds(at),
        "lastTimestamp": render_seconds(at),
        "source": {"component": "serinus"},
        "reportingComponent": "serinus",
    }
