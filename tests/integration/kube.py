"""The API of a control plane in few words."""

import contextlib
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .control_plane import ControlPlane
from .waiting import eventually

Manifest = dict[str, Any]

ROOTS = {
    "modeldeployments": "/apis/serinus.dev/v1alpha1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "grpcroutes": "/apis/gateway.networking.k8s.io/v1",
    "backendtlspolicies": "/apis/gateway.networking.k8s.io/v1",
    "gateways": "/apis/gateway.networking.k8s.io/v1",
    "gatewayclasses": "/apis/gateway.networking.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "poddisruptionbudgets": "/apis/policy/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
    "applications": "/apis/argoproj.io/v1alpha1",
    **dict.fromkeys(
        ("services", "configmaps", "secrets", "resourcequotas", "pods", "events", "namespaces", "nodes"), "/api/v1"
    ),
}
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


class RefusedError(Exception):
    """The API server did not do it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


def path(plural: str, namespace: str = "", name: str = "", subresource: str = "", **query: str) -> str:
    parts = [ROOTS[plural], f"namespaces/{namespace}" if namespace else "", plural, name, subresource]
    return "/".join(part for part in parts if part) + (f"?{urlencode(query)}" if query else "")


@dataclass(frozen=True)
class Kube:
    """One API server."""

    plane: ControlPlane

    def call(self, method: str, where: str, body: Any = None, content: str = "application/json") -> Any:
        status, answer = self.plane.request(method, where, body, content)
        if status >= 300:
            raise RefusedError(status, str(answer.get("message", answer)))
        return answer

    def get(self, plural: str, namespace: str, name: str, subresource: str = "") -> Manifest | None:
        try:
            found: Manifest = self.call("GET", path(plural, namespace, name, subresource))
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def find(self, plural: str, namespace: str = "", selector: str = "") -> list[Manifest]:
        query = {"labelSelector": selector} if selector else {}
        found: list[Manifest] = self.call("GET", path(plural, namespace, **query))["items"]
        return found

    def create(self, plural: str, namespace: str, manifest: Manifest) -> Manifest:
        made: Manifest = self.call("POST", path(plural, namespace, fieldValidation="Strict"), manifest)
        return made

    def apply(self, plural: str, manifest: Manifest, *, manager: str = "person") -> Manifest:
        metadata = manifest["metadata"]
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        where = path(plural, metadata.get("namespace", ""), metadata["name"], **query)
        applied: Manifest = self.call("PATCH", where, manifest, APPLY)
        return applied

    def merge(self, plural: str, namespace: str, name: str, patch: Manifest, subresource: str = "") -> Manifest:
        where = path(plural, namespace, name, subresource, fieldManager="editor")
        merged: Manifest = self.call("PATCH", where, patch, MERGE)
        return merged

    def delete(self, plural: str, namespace: str, name: str, policy: str = "Background") -> None:
        try:
            self.call("DELETE", path(plural, namespace, name), {"propagationPolicy": policy})
        except RefusedError as refused:
            if refused.status != 404:
                raise


@dataclass(frozen=True)
class Change:
    """One event of a watch."""

    type: str
    plural: str
    object: Manifest
    at: float = field(default_factory=time.monotonic)
    """When it was seen, monotonic seconds."""

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def version(self) -> int:
        return int(self.object["metadata"]["resourceVersion"])


@dataclass
class Recorder:
    """Keeps every change of some kinds in one namespace, in the order of each kind."""

    plane: ControlPlane
    namespace: str
    changes: list[Change] = field(default_factory=list)
    _since: dict[str, int] = field(default_factory=dict)
    """The version from which each kind is recorded."""
    _connections: list[http.client.HTTPSConnection] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self, *plurals: str) -> None:
        for plural in plurals:
            since = Kube(self.plane).call("GET", path(plural, self.namespace))["metadata"]["resourceVersion"]
            self._since[plural] = int(since)
            thread = threading.Thread(target=self._read, args=(plural, self._open(plural, since)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for connection in self._connections:
            if connection.sock:  # closing would wait for the reader
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _read(self, plural: str, answer: http.client.HTTPResponse) -> None:
        while not self._stopped.is_set():
            try:
                while line := answer.readline():
                    found = json.loads(line)
                    self.changes.append(Change(found["type"], plural, found["object"]))
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                pass  # stopped, or the API server went away
            if not self._stopped.wait(0.2):
                answer = self._again(plural) or answer

    def _again(self, plural: str) -> http.client.HTTPResponse | None:
        """Watch anew after the API server came back; what is there now stands for what was missed."""
        try:
            found = Kube(self.plane).call("GET", path(plural, self.namespace))
            answer = self._open(plural, found["metadata"]["resourceVersion"])
        except (OSError, RefusedError, http.client.HTTPException):
            return None
        known = {change.object["metadata"]["uid"] for change in list(self.changes) if change.plural == plural}
        for item in found["items"]:
            kind = "MODIFIED" if item["metadata"]["uid"] in known else "ADDED"
            self.changes.append(Change(kind, plural, item))
        return answer

    def _open(self, plural: str, since: str) -> http.client.HTTPResponse:
        connection = self.plane.connect(timeout=600)
        where = path(plural, self.namespace, watch="true", resourceVersion=since)
        connection.request("GET", where, headers=self.plane.headers())
        self._connections.append(connection)
        return connection.getresponse()

    def of(self, plural: str, name: str | None = None) -> list[Change]:
        """Return the changes of a kind; what the API server holds now is among them."""
        with contextlib.suppress(OSError, RefusedError, http.client.HTTPException):  # it may be away
            held = Kube(self.plane).call("GET", path(plural, self.namespace))["items"]
            eventually(lambda: self._saw(plural, held), f"the recorder saw the {plural}")
        return [c for c in list(self.changes) if c.plural == plural and name in (None, c.name)]

    def _saw(self, plural: str, held: list[Manifest]) -> bool:
        """Tell whether these objects, as they are or later, are among the changes."""
        seen = {c.object["metadata"]["uid"]: c.version for c in list(self.changes) if c.plural == plural}
        versions = {item["metadata"]["uid"]: int(item["metadata"]["resourceVersion"]) for item in held}
        return all(version <= max(seen.get(uid, 0), self._since[plural]) for uid, version in versions.items())

    def deleted(self) -> list[Change]:
        """Return what was deleted, in the order in which it was."""
        return sorted((c for c in list(self.changes) if c.type == "DELETED"), key=lambda change: change.version)
