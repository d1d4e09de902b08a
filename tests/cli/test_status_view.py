"""What `serinus status NAME` shows, at every point of a rollout, as text beside the tests.

`SERINUS_UPDATE_GOLDEN=1 python -m pytest tests/cli/test_status_view.py` writes it anew.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from serinus.api.status import Phase
from serinus.api.timestamps import render_seconds
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.cli.views import facts as defaults
from serinus.cli.views.rollout import view
from tests.rollout.support import NOW

from .models import scenes

FOLDER = Path(__file__).parents[1] / "golden" / "cli"
SCENES = scenes()


def shown(facts: defaults.Facts, width: int = 120) -> str:
    out = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False, color_system=None)
    out.print(view(facts))
    assert isinstance(out.file, io.StringIO)
    return "\n".join(line.rstrip() for line in out.file.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("name", SCENES)
def test_the_view_is_as_it_was(name: str) -> None:
    path, text = FOLDER / f"{name}.txt", shown(SCENES[name])
    if os.environ.get("SERINUS_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing: run with SERINUS_UPDATE_GOLDEN=1 and commit it"
    assert text == path.read_text()


def test_every_golden_view_is_of_a_scene_and_every_phase_has_one() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(SCENES)
    assert {scene.phase for scene in SCENES.values()} == {"", *Phase}


@pytest.mark.parametrize("name", SCENES)
def test_a_narrow_terminal_cuts_nothing_off(name: str) -> None:
    narrow = "".join(shown(SCENES[name], 60).split())
    for word in str(SCENES[name].status.get("message") or "").split():
        assert word in narrow


def test_an_event_may_say_nothing() -> None:
    bare = {"metadata": {"creationTimestamp": render_seconds(NOW - 72)}}
    assert "1m12s ago" in shown(replace(SCENES["stable"], events=(bare,)))


def test_the_defaults_of_the_view_are_those_of_the_models() -> None:
    rollout = ModelDeploymentSpec.model_validate({"runtime": {"image": "a:1", "port": 1}}).rollout
    known = rollout.model_dump(mode="json", by_alias=True)
    assert [{key: step[key] for key in ("weight", "minDuration")} for step in known["steps"]] == list(defaults.STEPS)
    assert known["watchAfterPromotion"] == defaults.WATCH
    assert (
        type(rollout.steps[0])(weight=1).model_dump(mode="json", by_alias=True)["minDuration"] == defaults.MIN_DURATION
    )
