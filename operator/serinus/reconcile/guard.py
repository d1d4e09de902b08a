"""The guard: counters of a few pods of both sides, read every second beside what Prometheus tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from serinus.desired import labels
from serinus.prometheus.direct import DirectCounters, Endpoint
from serinus.prometheus.shared import Answer
from serinus.reconcile.children import Children, Manifest, is_ready
from serinus.reconcile.source import Subject

MOST_PODS = 5
"""Pods of each side that are read: enough to know a total failure by, whatever the size of the model."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard of one rollout reads at one look."""

    counters: DirectCounters
    canary: tuple[Endpoint, ...]
    stable: tuple[Endpoint, ...]

    @property
    def problem(self) -> str:
        """Return why pods cannot be read, in words; empty when they can."""
        for side, pods in (("canary", self.canary), ("stable", self.stable)):
            if not pods:
                return f"no pod of the {side} has an address and declares runtime.metrics"
        return self.counters.problem

    async def read(self, families: Sequence[str]) -> Answer:
        """Return what the pods have told lately of some families."""
        return await self.counters.read(families, self.canary, self.stable)


def guard(counters: DirectCounters, subject: Subject, children: Children) -> Guard:
    """Return what to read now: the pods that were read before, while they are there, then ready ones."""
    canary, stable = (_chosen(counters, subject, children, side) for side in (subject.canary, subject.stable))
    return Guard(counters, canary, stable)


def _chosen(counters: DirectCounters, subject: Subject, children: Children, revision: str) -> tuple[Endpoint, ...]:
    known = counters.known
    mine = [pod for pod in children.pods if pod["metadata"]["labels"].get(labels.REVISION) == revision]
    mine.sort(key=lambda pod: (pod["metadata"]["name"] not in known, not is_ready(pod), pod["metadata"]["name"]))
    found = (_endpoint(subject.namespace, pod) for pod in mine if "deletionTimestamp" not in pod["metadata"])
    return tuple([endpoint for endpoint in found if endpoint][:MOST_PODS])


def _endpoint(namespace: str, pod: Manifest) -> Endpoint | None:
    """Return where a pod tells its metrics: Prometheus is told by the same annotations.

    Whoever may write a podTemplate writes these. They say where at the pod, and never another host, such as by
    a port of `80@elsewhere`; the node's own addresses are nobody's pod.
    """
    annotations = pod["metadata"].get("annotations", {})
    port, path = annotations.get("prometheus.io/port", ""), annotations.get("prometheus.io/path", "/metrics")
    try:
        address = ip_address(pod.get("status", {}).get("podIP", ""))
    except ValueError:
        return None
    own = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    if own or not (port.isascii() and port.isdigit()) or not path.startswith("/"):
        return None
    host = f"[{address}]" if address.version == 6 else str(address)
    return Endpoint(namespace, pod["metadata"]["name"], f"http://{host}:{port}{path}")
