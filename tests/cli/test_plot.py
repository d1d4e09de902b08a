"""The picture: well-formed, the same bytes every time, and it says what happened."""

from __future__ import annotations

import builtins
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from serinus.cli import simulate as command

from .scenes import Scene, record, simulate, write

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(folder: Path, scene: Scene, *arguments: str, name: str = "picture.svg") -> tuple[bytes, str]:
    file = folder / name
    assert simulate(write(folder, record(scene)), "--plot", str(file), *arguments).exit_code != 2
    root = ET.fromstring(file.read_bytes())  # noqa: S314 - we wrote it
    assert root.tag == f"{NAMESPACE}svg"
    return file.read_bytes(), " | ".join("".join(node.itertext()) for node in root.iter(f"{NAMESPACE}text"))


def test_a_rollback_is_drawn(tmp_path: Path) -> None:
    _, text = drawn(tmp_path, Scene(canary_errors=0.2))
    for told in (
        "Rolled back",
        "ErrorRateTooHigh (error-rate)",
        "error-rate: failed requests",
        "always-valid interval",
        "roll back at 100",
        "proven at 20",
        "weight of the canary",
        "seconds since the canary's first weight",
        "Inconclusive",
        "Fail",
    ):
        assert told in text


def test_several_tests_have_a_panel_each(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("""
latency: {gating: false, delta: 0.04, objective: {share: 0.9, within: 250ms}}
means: [{name: revenue, count: c, sum: s, sumsq: q, better: Higher, margin: 0.1, effect: 1}]
""")
    scene = Scene(buckets=True, mean=True, slower=3.0, rps=200.0)
    _, text = drawn(tmp_path, scene, "--policy", str(policy))
    for told in ("latency: requests slower than", "latency-objective: requests slower than 250 ms", "revenue", "mean"):
        assert told in text


def test_nothing_decided_is_drawn_too(tmp_path: Path) -> None:
    _, text = drawn(tmp_path, Scene(rps=2.0))
    assert "Held: not enough evidence either way" in text
    assert "rolled back" not in text.lower()


def test_long_replays_are_in_minutes_and_not_large(tmp_path: Path) -> None:
    picture, text = drawn(tmp_path, Scene(duration=3000.0))
    assert "minutes since" in text
    assert len(picture) < 600_000


def test_the_bytes_are_the_same_every_time(tmp_path: Path) -> None:
    first, _ = drawn(tmp_path, Scene(), name="a.svg")
    second, _ = drawn(tmp_path, Scene(), name="b.svg")
    assert first == second
    assert b"<dc:date>" not in first


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = simulate(write(tmp_path, record(Scene())), "--plot", str(tmp_path / "no" / "picture.svg"))
    assert result.exit_code == 2
    assert "picture.svg: No such file or directory" in result.stderr


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> Any:
        return None if name == "matplotlib" else builtins.object()

    monkeypatch.setattr(command, "find_spec", unknown)
    result = simulate(write(tmp_path, record(Scene())), "--plot", str(tmp_path / "picture.svg"))
    assert result.exit_code == 2
    assert "pip install 'serinus[plot]'" in result.stderr
    assert result.stdout == ""
