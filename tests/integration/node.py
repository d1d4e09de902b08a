"""A node without a kubelet: it says of pods what a kubelet would say.

The EndpointSlice controller leaves out pods whose `spec.nodeName` names no Node object, so
there is one and pods are bound to it.
"""

from itertools import count
from typing import Any

from .kube import MERGE, Kube, Manifest, RefusedError, path
from .standin import StandIn

NAME = "node-0"
ADDRESS = "10.9.0.1"
UNSCHEDULABLE: Manifest = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        }
    ],
}
"""What a scheduler says of a pod that fits nowhere."""


BACK_OFF: Manifest = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}


class Node(StandIn):
    """Binds pods, makes them ready, and lets terminating ones go."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        kube.create("nodes", "", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}})
        self._numbers = count(2)
        self._addresses: dict[str, str] = {}
        self._told: dict[str, Any] = {}
        self.reset()

    def reset(self) -> None:
        """Every image is good again."""
        self.unready: set[str] = set()
        self.unpullable: set[str] = set()
        self.too_large: set[str] = set()
        self.restarts: dict[str, int] = {}
        self.unfetchable: dict[str, str] = {}
        """Last words of the init container, by the model's address."""
        self.fetched: dict[str, str] = {}
        """Last words of an init container that ended well, by the model's address."""
        self.out_of_memory: set[str] = set()
        """Addresses of models that are larger than the memory of their pods."""
        self.at: dict[str, str] = {}
        """Addresses by image, where a pod's own would reach nothing."""

    def look(self) -> None:
        for pod in self.kube.find("pods"):
            try:
                self._see_to(pod)
            except RefusedError as refused:
                if refused.status not in {404, 409}:
                    raise

    def _see_to(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
        if "deletionTimestamp" in metadata:
            self.kube.call("DELETE", path("pods", namespace, name), {"gracePeriodSeconds": 0})
            self._told.pop(uid, None)
            return
        if pod["spec"]["containers"][0]["image"] in self.too_large:
            self._tell(pod, UNSCHEDULABLE)
            return
        if not pod["spec"].get("nodeName"):
            target = {"apiVersion": "v1", "kind": "Node", "name": NAME}
            self.kube.call(
                "POST", path("pods", namespace, name, "binding"), {"metadata": {"name": name}, "target": target}
            )
        self._tell(pod, self._status(pod))

    def _tell(self, pod: Manifest, status: Manifest) -> None:
        metadata = pod["metadata"]
        if self._told.get(metadata["uid"]) != status:
            where = path("pods", metadata["namespace"], metadata["name"], "status")
            self.kube.call("PATCH", where, {"status": status}, MERGE)
            self._told[metadata["uid"]] = status

    def _status(self, pod: Manifest) -> Manifest:
        (container, *_) = pod["spec"]["containers"]
        image = container["image"]
        number = self.at.get(image) or self._addresses.setdefault(pod["metadata"]["uid"], self._address())
        ready = not {image} & (self.unready | self.unpullable) and image not in self.restarts
        state: Manifest = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        if image in self.unpullable:
            state = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
        elif image in self.restarts:
            state = BACK_OFF
        model = pod["metadata"].get("annotations", {}).get("serinus.dev/model-uri", "")
        if model in self.unfetchable:
            return _stuck_in_init(self.unfetchable[model])
        if model in self.out_of_memory:
            ready, state = False, BACK_OFF
            restarts = {"restartCount": 3, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
        else:
            restarts = {"restartCount": self.restarts.get(image, 0)}
        truth = "True" if ready else "False"
        words = self.fetched.get(model)
        ended = {"name": "fetch-model", "ready": True, "image": "", "imageID": "", "restartCount": 0}
        state_of_init = {"terminated": {"exitCode": 0, "reason": "Completed", "message": words}}
        fetcher = {"initContainerStatuses": [{**ended, "state": state_of_init}]} if words else {}
        return {
            "phase": "Pending" if image in self.unpullable else "Running",
            "hostIP": ADDRESS,
            "podIP": number,
            "podIPs": [{"ip": number}],
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "ContainersReady", "status": truth},
                {"type": "Ready", "status": truth},
            ],
            **fetcher,
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": image,
                    "imageID": "" if image in self.unpullable else f"registry.test/digest@{image}",
                    "ready": ready,
                    "state": state,
                    **restarts,
                }
            ],
        }

    def _address(self) -> str:
        number = next(self._numbers)
        return f"10.244.{number // 250}.{number % 250 + 2}"


def _stuck_in_init(words: str) -> Manifest:
    """Return the status of a pod whose init container has failed and will be started again."""
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "message": words}}
    one: Manifest = {"ready": False, "image": "", "imageID": "", "restartCount": 1}
    return {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
        "initContainerStatuses": [{**one, "name": "fetch-model", "state": BACK_OFF, "lastState": ended}],
        "containerStatuses": [{**one, "name": "model", "state": {"waiting": {"reason": "PodInitializing"}}}],
    }
