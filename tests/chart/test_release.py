"""What `make` builds, pushes and audits is what the chart asks the cluster for."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BUILD = re.compile(
    r"docker build +--tag (?P<tag>\S+) (?:--build-arg LOCK=(?P<lock>\S+) )?--file (?P<file>\S+) (?P<context>\S+)"
)


def make(target: str, *settings: str) -> str:
    """Return the commands that a target would run."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--dry-run", "--always-make", target, "DOCKER=docker", "OPTIONS=", *settings]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environ).stdout


def builds(commands: str) -> list[re.Match[str]]:
    """Return each image that is built: its tag, Containerfile, folder and lock."""
    found = [BUILD.fullmatch(line) for line in commands.splitlines() if line.startswith("docker build")]
    assert all(found), commands
    return found


@pytest.mark.parametrize("registry", ["", "registry.example.com:5000/team", "registry.example.com:5000/team/"])
def test_the_chart_names_the_images_that_are_built_and_pushed(helm: Any, registry: str) -> None:
    commands = make("push", f"REGISTRY={registry}")
    built = [found["tag"] for found in builds(commands)]
    (pushed,) = re.findall(r"^for image in (.+?); do docker push", commands, re.MULTILINE)
    assert pushed.split() == built
    rendered = helm.render({"imageRegistry": registry})
    named = {value for name, value in rendered.env.items() if re.fullmatch(r"SERINUS_\w+_IMAGE", name)}
    assert named | {rendered.container["image"]} == set(built)


def test_every_lock_that_an_image_is_made_from_is_audited() -> None:
    installed = set()
    for found in builds(make("images")):
        text = (ROOT / found["file"]).read_text()
        (lock,) = re.findall(r"^COPY (requirements/\S+\.txt) ", text, re.MULTILINE)
        default = re.search(r"^ARG LOCK=(\S+)$", text, re.MULTILINE)
        name = lock.replace("$LOCK", found["lock"] or (default[1] if default else ""))
        installed.add((ROOT / found["context"] / name).resolve())
    looped = re.findall(r"^for lock in (.+?); do", make("audit"), re.MULTILINE)
    assert len(looped) == 2  # the bills of materials, and the look-ups
    for locks in looped:
        assert {(ROOT / lock).resolve(strict=True) for lock in locks.split()} == installed
