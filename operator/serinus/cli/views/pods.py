"""How a pod is, in one word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serinus.cli.views import times
from serinus.desired import labels

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PodState:
    """What a list tells of one pod."""

    name: str
    revision: str
    word: str
    ready: bool
    restarts: int
    created: float | None


def state(pod: Manifest) -> PodState:
    """Return how a pod is."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    conditions = status.get("conditions") or []
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return PodState(
        name=metadata["name"],
        revision=(metadata.get("labels") or {}).get(labels.REVISION, ""),
        word=_word(metadata, status, containers, ready=ready),
        ready=ready and not metadata.get("deletionTimestamp"),
        restarts=sum(int(one.get("restartCount") or 0) for one in containers),
        created=times.moment(metadata.get("creationTimestamp")),
    )


def _word(metadata: Manifest, status: Manifest, containers: list[Manifest], *, ready: bool) -> str:
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if ready:
        return "Ready"
    for one in containers:
        doing = one.get("state") or {}
        if reason := (doing.get("waiting") or {}).get("reason"):
            return str(reason)
        if (ended := doing.get("terminated")) and ended.get("exitCode"):
            return str(ended.get("reason") or f"ended with {ended['exitCode']}")
    unscheduled = next(
        (c for c in status.get("conditions") or [] if c.get("type") == "PodScheduled" and c.get("status") == "False"),
        None,
    )
    if unscheduled:
        return f"{unscheduled.get('reason', 'Unschedulable')}: {unscheduled.get('message', '')}"[:80]
    return "not ready" if status.get("phase") == "Running" else str(status.get("phase") or "Pending")
