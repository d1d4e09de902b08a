"""The command line with a thousand models, on an API server of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import CRD, install, start_plane
from .control_plane import ControlPlane
from .kube import Kube
from .test_cli import put, runner, stored

COUNT = 1000
NAMESPACE = "default"


@pytest.fixture
def crowded(assets: Path, tmp_path: Path) -> Iterator[ControlPlane]:
    """A thousand models, one in ten of them on its way."""
    plane = start_plane(assets, tmp_path)
    kube = Kube(plane)
    install(kube, CRD)
    resting, moving = stored("Stable"), stored("Stepping")

    def make(number: int) -> None:
        put(kube, NAMESPACE, moving if number % 10 == 0 else resting, f"model-{number:04}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(COUNT)))
    yield plane
    plane.stop()


def status(plane: ControlPlane, where: str) -> list[str]:
    """Return what a process of its own prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-m", "serinus.cli.main", "status", f"--kubeconfig={plane.kubeconfig}", where],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_thousand_are_listed_those_under_way_first_and_one_is_shown(crowded: ControlPlane) -> None:
    for where in ("--all-namespaces", f"--namespace={NAMESPACE}"):
        lines = status(crowded, where)
        assert lines[0] == "1,000 models: ▸ 100 under way · ✓ 900 at rest"
        mine = [line for line in lines if "model-" in line]
        assert len(mine) == COUNT
        assert all("Stepping" in line for line in mine[: COUNT // 10])
    shown = runner(crowded, NAMESPACE)("status", "model-0010").stdout
    assert "model-0010" in shown
    assert "steps" in shown
