"""Health and actions for Argo CD, as its own tests would run them.

`SERINUS_UPDATE_GOLDEN=1 python -m pytest tests/gitops` writes testdata anew from the operator's builders.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from lupa import lua51

from serinus.api.status import Phase, Status
from serinus.desired import labels
from serinus.rollout.command import Verb, parse
from serinus.rollout.machine import advance
from tests.rollout.support import NOW, seen, spec

from . import lua
from .files import ACTIONS, DISCOVERY, GITOPS, HEALTH, KIND, action, read
from .objects import OBJECTS

CHECKS = read(KIND / "health_test.yaml")["tests"]
ACTION_CHECKS = read(ACTIONS / "action_test.yaml")


def write_or_compare(path: Path, content: Any) -> None:
    text = yaml.safe_dump(content, sort_keys=False, width=120)
    if os.environ.get("SERINUS_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text, "run with SERINUS_UPDATE_GOLDEN=1 and read the difference"


@pytest.mark.parametrize("name", OBJECTS)
def test_testdata_are_what_the_operator_writes(name: str) -> None:
    write_or_compare(KIND / "testdata" / f"{name}.yaml", OBJECTS[name]())


def test_every_object_is_checked_and_every_phase_is_there() -> None:
    checked = {check["inputPath"].removeprefix("testdata/").removesuffix(".yaml") for check in CHECKS}
    assert checked == set(OBJECTS) == {path.stem for path in (KIND / "testdata").glob("*.yaml")}
    phases = {make().get("status", {}).get("phase") for make in OBJECTS.values()}
    assert phases == {None, *Phase}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: Path(check["inputPath"]).stem)
def test_health(check: dict[str, Any]) -> None:
    assert lua.run(HEALTH, read(KIND / check["inputPath"])) == check["healthStatus"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_status_of_an_older_spec_says_nothing(name: str) -> None:
    obj = OBJECTS[name]()
    obj["metadata"]["generation"] += 1
    assert lua.run(HEALTH, obj)["status"] == "Progressing"


def test_the_scripts_have_nothing_that_argo_cd_does_not_give_them() -> None:
    with pytest.raises(lua51.LuaError, match="attempt to index"):
        lua.run("return ('x'):upper()", {})
    with pytest.raises(lua51.LuaError, match="'string'"):
        lua.run("return string.upper('x')", {})
    with pytest.raises(lua51.LuaError, match="'exit'"):
        lua.run("return os.exit()", {})


# Actions


@pytest.mark.parametrize("check", ACTION_CHECKS["discoveryTests"], ids=lambda check: Path(check["inputPath"]).stem)
def test_discovery(check: dict[str, Any]) -> None:
    found = lua.run(DISCOVERY, read(ACTIONS / check["inputPath"]))
    assert found == {result["name"]: {"disabled": result["disabled"]} for result in check["result"]}


def test_discovery_is_checked_for_every_object() -> None:
    checked = {Path(check["inputPath"]).stem for check in ACTION_CHECKS["discoveryTests"]}
    assert checked == set(OBJECTS)


@pytest.mark.parametrize("check", ACTION_CHECKS["actionTests"], ids=lambda check: check["action"])
def test_action_changes_one_annotation(check: dict[str, Any]) -> None:
    obj = read(ACTIONS / check["inputPath"])
    if message := check.get("expectedErrorMessage"):
        with pytest.raises(lua51.LuaError, match=message):
            lua.run(action(check["action"]), obj)
        return
    command = lua.run(action(check["action"]), obj)["metadata"]["annotations"][labels.COMMAND]
    obj["metadata"]["annotations"] = {labels.COMMAND: command}
    write_or_compare(ACTIONS / check["expectedOutputPath"], obj)


def test_every_verb_is_an_action_that_is_checked() -> None:
    done = {check["action"] for check in ACTION_CHECKS["actionTests"] if "expectedOutputPath" in check}
    assert done == {*Verb} == {path.parent.name for path in ACTIONS.glob("*/action.lua")}


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_offered_is_obeyed_and_what_is_not_is_ignored(name: str) -> None:
    obj = OBJECTS[name]()
    offered = {verb for verb, told in lua.run(DISCOVERY, obj).items() if not told["disabled"]}
    assert offered == {verb for verb in Verb if obeyed(verb, obj)} - spent(name)


def spent(name: str) -> set[str]:
    """Commands that would be obeyed and change nothing."""
    if name in {"preparing", "promoting", "stepping", "stepping-blind", "stepping-overdue", "stepping-paused-by-spec"}:
        return {"resume"}
    return {"pause"} if name == "stepping-paused-by-command" else set()


def obeyed(verb: Verb, obj: dict[str, Any]) -> bool:
    """Tell whether the operator does what an action's annotation says."""
    try:
        changed = lua.run(action(verb), obj)
    except lua51.LuaError:
        return False
    command = changed["metadata"]["annotations"][labels.COMMAND]
    assert parse(command).verb is verb
    state = Status.model_validate(obj["status"]).rollout
    if state is None:
        return False
    step = advance(spec(), state, seen(state, command=command, verdict=None), NOW)
    assert step.state.last_command == command
    return "CommandIgnored" not in {event.reason for event in step.events}


def test_an_action_done_twice_is_two_commands() -> None:
    obj = OBJECTS["stepping"]()
    first = lua.run(action("pause"), obj)["metadata"]["annotations"][labels.COMMAND]
    obj["metadata"] |= {"resourceVersion": "48214", "annotations": {labels.COMMAND: first, "team": "shop"}}
    annotations = lua.run(action("pause"), obj)["metadata"]["annotations"]
    assert annotations[labels.COMMAND] not in {first, ""}
    assert annotations["team"] == "shop"


def test_retry_is_about_the_revision_of_the_spec() -> None:
    """Its reason stands in status, whether it failed a moment ago or was applied again."""
    again = lua.run(action("retry"), OBJECTS["rolled-back-again"]())
    assert parse(again["metadata"]["annotations"][labels.COMMAND]).revision == "aaaaaaaaaa"


# What a person copies


def generator() -> ModuleType:
    found = importlib.util.spec_from_file_location("generate_argocd", GITOPS / "argocd" / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_values_for_argo_cd_are_fresh() -> None:
    for path, text in generator().files().items():
        assert path.read_text() == text, "run `make argocd`"


def test_the_values_hold_every_script() -> None:
    data = read(GITOPS / "argocd" / "argocd-cm.yaml")["data"]
    assert read(GITOPS / "argocd" / "values.yaml")["configs"]["cm"] == data
    assert data["resource.customizations.health.serinus.dev_ModelDeployment"] == HEALTH
    told = yaml.safe_load(data["resource.customizations.actions.serinus.dev_ModelDeployment"])
    assert told["discovery.lua"] == DISCOVERY
    assert {each["name"]: each["action.lua"] for each in told["definitions"]} == {verb: action(verb) for verb in Verb}
