"""What a model's address stands for: the registry's word, or what it was known to be last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serinus.api.model import ModelSource
from serinus.desired.model import Pin
from serinus.desired.revision import Revision
from serinus.reconcile.pins import Pins, Unresolved
from serinus.reconcile.queue import Key
from serinus.registry.watch import Watch
from tests.registry.server import Server, serving, tags, version

KEY = Key("space", "shop")
STORED = {"uri": "models:/churn@champion", "format": "sklearn"}
ALIAS = "registered-models/alias"
DOWN = (503, "busy")


def model(uri: str = STORED["uri"]) -> ModelSource:
    return ModelSource.model_validate({**STORED, "uri": uri})


def revision(pinned: str, stored: dict[str, Any] | None = None) -> Revision:
    resolved = {"uri": f"models:/churn/{pinned}", "version": pinned, "gitCommit": "abc1234"}
    return Revision("hash", {}, {}, None, model={"model": stored or STORED, "resolved": resolved})


def asked(server: Server, work: Callable[[Pins], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with serving(server) as mlflow:

            async def wake(_: Key) -> None:
                raise AssertionError

            return await work(Pins(Watch(mlflow, 30.0, wake), KEY))

    return asyncio.run(run())


def test_an_alias_is_pinned_and_told() -> None:
    server = Server({ALIAS: (200, {"model_version": version("7")})})
    pin, told = asked(server, lambda pins: pins.of(STORED, model(), revision("6")))
    assert pin == Pin("models:/churn/7", "7")
    assert (told.known, told.message) == (True, "models:/churn@champion is version 7")


def test_what_cannot_move_is_not_asked_for() -> None:
    server = Server()
    for uri, expected in [
        ("models:/churn/7", Pin("models:/churn/7", "7")),
        ("s3://models/churn", Pin("s3://models/churn")),
    ]:
        assert asked(server, lambda pins, uri=uri: pins.of({}, model(uri), None)) == (expected, None)
    assert asked(server, lambda pins: pins.of({}, None, None)) == (None, None)
    assert server.asked == []


def test_while_the_registry_is_away_the_revision_aimed_at_keeps_its_version() -> None:
    pin, told = asked(Server({ALIAS: DOWN}), lambda pins: pins.of(STORED, model(), revision("6")))
    assert pin == Pin("models:/churn/6", "6")
    assert (told.known, told.reason) == (False, "RegistryUnavailable")
    assert told.message.endswith("answers 503; version 6 stays")


@pytest.mark.parametrize("aimed", [None, revision("6", {**STORED, "format": "onnx"}), Revision("hash", {}, {}, None)])
def test_a_version_of_another_spec_is_not_kept(aimed: Revision | None) -> None:
    with pytest.raises(Unresolved) as caught:
        asked(Server({ALIAS: DOWN}), lambda pins: pins.of(STORED, model(), aimed))
    assert caught.value.problem.reason == "RegistryUnavailable"
    assert caught.value.problem.message.startswith("spec.model.uri: models:/churn@champion")


def test_an_address_that_names_no_version_is_refused() -> None:
    with pytest.raises(Unresolved) as caught:
        asked(Server(), lambda pins: pins.of(STORED, model("models:/churn/Production"), None))
    assert caught.value.problem.reason == "InvalidSpec"


def test_a_new_revision_is_told_its_commit_and_data() -> None:
    own = tags(mlflow__source__git__commit="c0ffee1", data_version="9f86d0")
    server = Server({"model-versions/get": (200, {"model_version": version("7", tags=own)})})
    pin = asked(server, lambda pins: pins.with_origin(model(), Pin("models:/churn/7", "7")))
    assert pin == Pin("models:/churn/7", "7", "c0ffee1", "9f86d0")
    assert pin.identity == Pin("models:/churn/7", "7").identity


def test_a_version_that_is_not_there_makes_no_revision() -> None:
    gone = (
        404,
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Model Version (name=churn, version=9) not found"},
    )
    with pytest.raises(Unresolved, match="version=9"):
        asked(
            Server({"model-versions/get": gone}), lambda pins: pins.with_origin(model("models:/churn/9"), Pin("u", "9"))
        )


def test_other_models_are_not_asked_about() -> None:
    server = Server()
    pin = Pin("s3://models/churn")
    assert asked(server, lambda pins: pins.with_origin(model("s3://models/churn"), pin)) is pin
    assert server.asked == []
