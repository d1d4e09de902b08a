"""What the client makes of the API server's answers."""

import asyncio
from typing import Any

from serinus.cluster import resources
from serinus.cluster.client import Cluster


class Answer:
    def __init__(self, body: bytes) -> None:
        self.status, self._body = 200, body

    async def read(self) -> bytes:
        return self._body


class Api:
    """Answers everything with one body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def param_serialize(self, *_: Any, **__: Any) -> tuple[Any, ...]:
        return "GET", "", {}, None, None

    async def call_api(self, *_: Any, **__: Any) -> Answer:
        return Answer(self._body)


def names(body: bytes) -> list[str]:
    async def read() -> list[str]:
        pages = Cluster(Api(body)).pages(resources.HTTP_ROUTE, "", metadata_only=True)  # type: ignore[arg-type]
        return [item["metadata"]["name"] async for page in pages for item in page]

    return asyncio.run(read())


def test_a_list_of_metadata_that_is_null_is_empty() -> None:
    assert names(b'{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"1"},"items":null}') == []


def test_a_list_is_read() -> None:
    assert names(b'{"metadata":{},"items":[{"metadata":{"name":"shop","managedFields":[]}}]}') == ["shop"]
