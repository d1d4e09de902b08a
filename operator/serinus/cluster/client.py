"""A small client over the bare `ApiClient`: the typed API classes cost 31 MiB and half a second.

Children are applied with one field manager and status with another, both forced: what
the operator owns it puts right.
"""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from serinus.cluster.resources import CONTROLLER_REVISION, DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, Resource, of

Manifest = dict[str, Any]

FIELD_MANAGER = "serinus"
STATUS_MANAGER = "serinus-status"
TIMEOUT = 15.0
"""Seconds that one request may take."""

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


_MISFITS = ("typed patch object", "failed to convert new object")
"""What the API server says, with status 500, to a field of the wrong name or type."""


class ApiError(Exception):
    """The API server refused or could not answer. `status` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def conflict(self) -> bool:
        """Tell whether somebody else wrote first."""
        return self.status == 409

    @property
    def refused(self) -> bool:
        """Tell whether the object itself was refused: trying again without a change is of no use."""
        return self.status in {400, 403, 422} or (self.status == 500 and any(text in str(self) for text in _MISFITS))


@dataclass(frozen=True, slots=True)
class Cluster:
    """One API server."""

    api: ApiClient

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """Return an object, or None when there is none (or no such kind).

        Raises:
            ApiError: any other answer than 200 and 404.
        """
        return await self._call("GET", resource.path(namespace, name), missing_ok=True)

    async def find(self, resource: Resource, namespace: str, selector: str = "") -> list[Manifest]:
        """Return the objects that a label selector picks.

        Raises:
            ApiError: the list could not be read.
        """
        query = [("labelSelector", selector)] if selector else []
        answer = await self._call("GET", resource.path(namespace), query=query) or {}
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**kind, **item} for item in answer.get("items", [])]

    async def apply(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Apply a child server-side and return the live object.

        Raises:
            ApiError: the object was refused, or the server could not be asked.
        """
        metadata = manifest["metadata"]
        query = [
            ("fieldManager", FIELD_MANAGER),
            ("force", "true"),
            *([("dryRun", "All")] if dry_run else []),
        ]
        path = of(manifest).path(metadata["namespace"], metadata["name"])
        return await self._call("PATCH", path, query=query, body=manifest, content=_APPLY) or {}

    async def apply_status(self, namespace: str, name: str, resource_version: str, status: Manifest) -> Manifest:
        """Write the status of a ModelDeployment that was read at `resource_version`.

        Raises:
            ApiError: with `conflict` when the object has changed since.
        """
        body = {
            "apiVersion": MODEL_DEPLOYMENT.api_version,
            "kind": MODEL_DEPLOYMENT.kind,
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": resource_version},
            "status": status,
        }
        query = [("fieldManager", STATUS_MANAGER), ("force", "true")]
        path = MODEL_DEPLOYMENT.path(namespace, name, "status")
        return await self._call("PATCH", path, query=query, body=body, content=_APPLY) or {}

    async def annotate_revision(self, namespace: str, name: str, annotations: dict[str, str]) -> None:
        """Merge annotations into a ControllerRevision.

        Raises:
            ApiError: it could not be written.
        """
        body = {"metadata": {"annotations": annotations}}
        await self._call("PATCH", CONTROLLER_REVISION.path(namespace, name), body=body, content=_MERGE)

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Set the size of a Deployment through its scale subresource.

        Raises:
            ApiError: it could not be written.
        """
        body = {"spec": {"replicas": replicas}}
        await self._call("PATCH", DEPLOYMENT.path(namespace, name, "scale"), body=body, content=_MERGE)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete exactly this object; one that is gone already is fine.

        Raises:
            ApiError: it could not be deleted.
        """
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._call("DELETE", resource.path(namespace, name), body=body, missing_ok=True)

    async def post_event(self, manifest: Manifest) -> None:
        """Create a core/v1 Event.

        Raises:
            ApiError: it could not be written.
        """
        await self._call("POST", EVENT.path(manifest["metadata"]["namespace"]), body=manifest)

    async def _call(  # noqa: PLR0913 - the parts of one HTTP request
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Manifest | None = None,
        content: str = "application/json",
        missing_ok: bool = False,
    ) -> Manifest | None:
        headers = {"Content-Type": content, "Accept": "application/json"}
        try:
            request = await self.api.param_serialize(
                method,
                path,
                query_params=query or [],
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self.api.call_api(*request, _request_timeout=TIMEOUT)
            raw = await response.read()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise ApiError(0, f"the API server did not answer {method} {path} within {TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ApiError(0, f"the API server cannot be reached: {error}") from error
        if response.status == 404 and missing_ok:
            return None
        if response.status >= 300:
            raise ApiError(response.status, _message(response.status, raw))
        answer: Manifest = json.loads(raw)
        return answer


def _message(status: int, raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {raw[:200].decode(errors='replace')}"
