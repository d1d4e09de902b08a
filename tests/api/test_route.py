"""Which protocols have a route."""

from __future__ import annotations

import pytest

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import Route

HTTP, GRPC = Protocol.HTTP, Protocol.GRPC


@pytest.mark.parametrize(
    ("asked", "served", "routed"),
    [
        (None, [HTTP], [HTTP]),
        (None, [GRPC], [GRPC]),
        (None, [HTTP, GRPC], [HTTP]),
        ([GRPC], [HTTP, GRPC], [GRPC]),
        ([GRPC, HTTP], [HTTP, GRPC], [HTTP, GRPC]),
        ([HTTP, GRPC], [HTTP], [HTTP]),
        ([GRPC], [HTTP], [HTTP]),
        (None, [], []),
    ],
)
def test_what_is_asked_for_and_served_has_a_route_and_something_always_has(
    asked: list[Protocol] | None, served: list[Protocol], routed: list[Protocol]
) -> None:
    """A spec that asks for what nobody serves takes no route away."""
    assert Route(gateway="public", protocols=asked).routed(served) == tuple(routed)
