"""Helm, found where the cluster's tooling keeps it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts" / "serinus"
TIMEOUT = 120.0

Manifest = dict[str, Any]


class HelmError(Exception):
    """Helm refused; the text is what it told the person."""


def find_helm() -> Path | None:
    """Return the helm that SERINUS_HELM names, the one on PATH, or the newest one in the cache."""
    named = os.environ.get("SERINUS_HELM") or shutil.which("helm")
    if named:
        return Path(named)
    cache = Path(os.environ.get("SERINUS_CACHE") or Path.home() / ".cache" / "serinus")
    built = sorted(cache.glob("tools/*/helm"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else None


@dataclass(frozen=True, slots=True)
class Helm:
    """Helm on the chart, offline and without the person's own settings."""

    program: Path
    home: Path

    def run(self, *arguments: str | Path) -> str:
        """Return what a command printed.

        Raises:
            HelmError: with what it said when it failed.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "KUBECONFIG": str(self.home / "no-kubeconfig"),
            **{f"HELM_{kind}_HOME": str(self.home / kind) for kind in ("CACHE", "CONFIG", "DATA")},
        }
        command = [self.program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT, env=environment)
        if done.returncode:
            raise HelmError(done.stderr)
        return done.stdout

    def values(self, values: Manifest | None) -> Path:
        """Return a file with these values."""
        path = self.home / "values.yaml"
        path.write_text(yaml.safe_dump(values or {}))
        return path

    def render(self, values: Manifest | None = None, *, name: str = "serinus", namespace: str = "ops") -> "Rendered":
        """Return what an installation with these values would create.

        Raises:
            HelmError: the values were refused.
        """
        told = ["--namespace", namespace, "--values", self.values(values)]
        return Rendered(self.run("template", name, CHART, *told, "--skip-tests"))

    def tests(self, values: Manifest | None = None) -> "Rendered":
        """Return what `helm test` would create for a release with these values."""
        told = ["--namespace", "ops", "--values", self.values(values)]
        return Rendered(self.run("template", "serinus", CHART, *told, "--show-only", "templates/tests/canary.yaml"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """The manifests of a release."""

    text: str

    @property
    def manifests(self) -> list[Manifest]:
        """All of them, in Helm's order of installation."""
        return [manifest for manifest in yaml.safe_load_all(self.text) if manifest]

    def all(self, kind: str) -> list[Manifest]:
        """Return the manifests of a kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        """Return the only manifest of a kind."""
        (manifest,) = self.all(kind)
        return manifest

    @property
    def pod(self) -> Manifest:
        """The pod of the operator: metadata and spec."""
        template: Manifest = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def container(self) -> Manifest:
        """The container of the operator."""
        (container,) = self.pod["spec"]["containers"]
        found: Manifest = container
        return found

    @property
    def env(self) -> dict[str, str]:
        """Environment of the container; what comes from elsewhere is left out."""
        return {entry["name"]: entry["value"] for entry in self.container["env"] if "value" in entry}


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    program = find_helm()
    if program is None:
        pytest.fail(
            "the chart cannot be tested without Helm 4: put helm on PATH, name it with SERINUS_HELM,"
            " or build it with `PYTHONPATH=e2e python3 -m cluster info`",
            pytrace=False,
        )
    return Helm(program, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Rendered:
    """Hold the chart with its default values."""
    return helm.render()


@pytest.fixture(scope="session")
def chart_values() -> Manifest:
    values: Manifest = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


@pytest.fixture
def refusal(helm: Helm) -> Callable[[Manifest], str]:
    """Give what Helm says about values that it must refuse."""

    def refuse(values: Manifest) -> str:
        with pytest.raises(HelmError) as caught:
            helm.render(values)
        return str(caught.value)

    return refuse
