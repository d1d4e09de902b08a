"""What the client makes of the API server's answers."""

import asyncio
from typing import Any

import pytest

from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster


class Answer:
    def __init__(self, body: bytes, status: int) -> None:
        self.status, self._body = status, body

    async def read(self) -> bytes:
        return self._body


class Api:
    """Answers everything with one body."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self._body, self._status = body, status

    async def param_serialize(self, *_: Any, **__: Any) -> tuple[Any, ...]:
        return "GET", "", {}, None, None

    async def call_api(self, *_: Any, **__: Any) -> Answer:
        return Answer(self._body, self._status)


def names(body: bytes) -> list[str]:
    async def read() -> list[str]:
        pages = Cluster(Api(body)).pages(resources.HTTP_ROUTE, "", metadata_only=True)  # type: ignore[arg-type]
        return [item["metadata"]["name"] async for page in pages for item in page]

    return asyncio.run(read())


def test_a_list_of_metadata_that_is_null_is_empty() -> None:
    assert names(b'{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"1"},"items":null}') == []


def test_a_list_is_read() -> None:
    assert names(b'{"metadata":{},"items":[{"metadata":{"name":"shop","managedFields":[]}}]}') == ["shop"]


def test_of_a_kind_that_a_cluster_may_do_without_there_are_none() -> None:
    cluster = Cluster(Api(b'{"kind":"Status","message":"no such kind"}', 404))  # type: ignore[arg-type]
    assert asyncio.run(cluster.find(resources.TLS_POLICY, "models")) == []
    with pytest.raises(ApiError):
        asyncio.run(cluster.find(resources.SERVICE, "models"))
