"""A small client over the bare `ApiClient`: the typed API classes cost 31 MiB and half a second.

Children are applied with one field manager and status with another, both forced: what
the operator owns it puts right.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import aiohttp
import orjson
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.rest import RESTResponse

from serinus.cluster.resources import CONTROLLER_REVISION, DEPLOYMENT, MODEL_DEPLOYMENT, Resource, of

Manifest = dict[str, Any]

FIELD_MANAGER = "serinus"
STATUS_MANAGER = "serinus-status"
TIMEOUT = 15.0
"""Seconds that one request may take."""
PAGE = 250
"""Objects that are listed at once where all of them are."""
WATCH = 60
"""Seconds after which a watch ends and is taken up again: one that says nothing for longer is deaf."""

_APPLY = "application/apply-patch+yaml; charset=utf-8"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_METADATA = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


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
    def expired(self) -> bool:
        """Tell whether a watch or a list can only be begun anew."""
        return self.status == 410

    @property
    def forbidden(self) -> bool:
        """Tell whether the operator lacks a right."""
        return self.status == 403

    @property
    def refused(self) -> bool:
        """Tell whether the object itself was refused: trying again without a change is of no use."""
        return self.status in {400, 403, 422} or (self.status == 500 and any(text in str(self) for text in _MISFITS))


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Request:
    """One HTTP request; `timeout` in seconds."""

    method: str
    path: str
    _: KW_ONLY
    query: Sequence[tuple[str, str]] = ()
    body: Manifest | None = None
    content: str = _JSON
    accept: str = _JSON
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One API server. Nothing is written while `may_write` says no."""

    api: ApiClient
    may_write: Callable[[], bool] = _always

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """Return an object, or None when there is none (or no such kind).

        Raises:
            ApiError: any other answer than 200 and 404.
        """
        return await self._call(_Request("GET", resource.path(namespace, name)), missing_ok=True)

    async def find(self, resource: Resource, namespace: str, selector: str = "") -> list[Manifest]:
        """Return the objects that a label selector picks.

        Raises:
            ApiError: the list could not be read.
        """
        query = [("labelSelector", selector)] if selector else []
        request = _Request("GET", resource.path(namespace), query=query)
        answer = await self._call(request, missing_ok=resource.optional) or {}
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**kind, **item} for item in answer.get("items", [])]

    async def pages(
        self, resource: Resource, namespace: str, *, metadata_only: bool = False
    ) -> AsyncIterator[list[Manifest]]:
        """Yield all objects of a kind, some at a time; an empty namespace means all of them.

        Of a kind that the cluster does not have there are none.

        Raises:
            ApiError: the list could not be read.
        """
        token = ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", token)] if token else [])]
            accept = _METADATA_LIST if metadata_only else _JSON
            request = _Request("GET", resource.path(namespace), query=query, accept=accept)
            answer = await self._call(request, missing_ok=True) or {}
            yield answer.get("items") or []  # null in an empty list of metadata
            token = answer.get("metadata", {}).get("continue", "")
            if not token:
                return

    async def version(self, resource: Resource, namespace: str) -> str | None:
        """Return the resource version to watch a kind from, or None when there is no such kind.

        Raises:
            ApiError: the API server refused or could not be asked.
        """
        request = _Request("GET", resource.path(namespace), query=[("limit", "1")], accept=_METADATA_LIST)
        answer = await self._call(request, missing_ok=True)
        return str(answer["metadata"]["resourceVersion"]) if answer else None

    async def watch(
        self, resource: Resource, namespace: str, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield the kind of each change and the object's metadata, for `WATCH` seconds. Bookmarks too.

        Raises:
            ApiError: the watch could not be opened or was broken off; `expired` when `version` is too old.
        """
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(WATCH)),
            ("resourceVersion", version),
            ("labelSelector", selector),
        ]
        path = resource.path(namespace)
        try:
            # A server that is gone without a word is noticed by the time limit.
            request = _Request("GET", path, query=query, accept=_METADATA, timeout=WATCH + TIMEOUT)
            response = await self._send(request)
            if response.status >= 300:
                raise ApiError(response.status, _message(response.status, await response.read()))  # type: ignore[no-untyped-call]
            async for line in response.response.content:
                change = orjson.loads(line)
                if change["type"] == "ERROR":
                    raise ApiError(change["object"].get("code", 500), str(change["object"].get("message")))
                yield change["type"], change["object"]["metadata"]
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise ApiError(0, f"the watch of {path} was broken off: {error!r}") from error

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
        return await self._call(_Request("PATCH", path, query=query, body=manifest, content=_APPLY)) or {}

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
        return await self._call(_Request("PATCH", path, query=query, body=body, content=_APPLY)) or {}

    async def annotate_revision(self, namespace: str, name: str, annotations: dict[str, str]) -> None:
        """Merge annotations into a ControllerRevision.

        Raises:
            ApiError: it could not be written.
        """
        body = {"metadata": {"annotations": annotations}}
        await self._call(_Request("PATCH", CONTROLLER_REVISION.path(namespace, name), body=body, content=_MERGE))

    async def scale(self, namespace: str, name: str, replicas: int, version: str = "") -> None:
        """Set the size of a Deployment through its scale subresource.

        With `version` only while the Deployment is at that resource version.

        Raises:
            ApiError: it could not be written; with `conflict` when it has changed.
        """
        metadata = {"metadata": {"resourceVersion": version}} if version else {}
        body = {**metadata, "spec": {"replicas": replicas}}
        await self._call(_Request("PATCH", DEPLOYMENT.path(namespace, name, "scale"), body=body, content=_MERGE))

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete exactly this object; one that is gone already is fine.

        Raises:
            ApiError: it could not be deleted.
        """
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._call(_Request("DELETE", resource.path(namespace, name), body=body), missing_ok=True)

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create an object and return it.

        Raises:
            ApiError: it could not be written; with `conflict` when there is one of that name.
        """
        return await self._call(_Request("POST", resource.path(manifest["metadata"]["namespace"]), body=manifest)) or {}

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Replace an object at the resource version that the manifest names, and return it.

        Raises:
            ApiError: it could not be written; with `conflict` when it has changed.
        """
        metadata = manifest["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"])
        return await self._call(_Request("PUT", path, body=manifest)) or {}

    async def _call(self, request: _Request, *, missing_ok: bool = False) -> Manifest | None:
        if request.method != "GET" and not self.may_write():
            raise ApiError(0, f"{request} is left to the operator that leads now")
        try:
            response = await self._send(request)
            raw = await response.read()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise ApiError(0, f"the API server did not answer {request} within {TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ApiError(0, f"the API server cannot be reached: {error}") from error
        if response.status == 404 and missing_ok:
            return None
        if response.status >= 300:
            raise ApiError(response.status, _message(response.status, raw))
        return _lean(orjson.loads(raw))

    async def _send(self, request: _Request) -> RESTResponse:
        verb, url, headers, *_ = await self.api.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query),
            header_params={"Content-Type": request.content, "Accept": request.accept},
            auth_settings=["BearerToken"],
        )
        # The body goes past the serializer, which would copy what is plain JSON already, and what is applied past the
        # encoder too: a YAML parser knows nothing of the two halves in which JSON may write a character.
        sent = orjson.dumps(request.body) if request.content == _APPLY else request.body
        return await self.api.call_api(verb, url, headers, sent, _request_timeout=request.timeout)


def _lean(answer: Manifest) -> Manifest:
    """Return an answer without `managedFields`: nobody needs them, and they are half of it."""
    for item in (answer, *(answer.get("items") or ())):  # null in an empty list of metadata
        item.get("metadata", {}).pop("managedFields", None)
    return answer


def _message(status: int, raw: bytes) -> str:
    try:
        return str(orjson.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {raw[:200].decode(errors='replace')}"
