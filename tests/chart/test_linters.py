"""What kube-score and kube-linter find in the chart is mended or has its reason here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster import programs

pytestmark = pytest.mark.chart

ALLOWED = {
    "container-resources": "no CPU limit: a throttled operator takes a bad version back later",
    "container-ephemeral-storage-request-and-limit": "it writes nowhere, and a limit would evict it for its logs",
    "container-image-pull-policy": "tags are never moved; image.pullPolicy is a value",
    "container-security-context-user-group-id": "the image names its user; a fixed one is refused on OpenShift",
    "pod-probes-identical": "a follower serves nobody: it is ready as long as it is alive",
}
WITHOUT_POLICY = {"pod-networkpolicy": "networkPolicy.enabled is a choice: what it must reach differs by cluster"}
EGRESS = [{"to": [{"namespaceSelector": {}}]}]


def lint(helm: Any, tmp_path: Path, values: dict[str, Any]) -> list[str]:
    """Return the names of the checks of kube-linter that fail, of those that are on by default."""
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(helm.render({**values, "crds": {"install": False}}).text + "\n---\n" + helm.tests(values).text)
    command = [programs.built("kube-linter"), "lint", "--format=json", manifests]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [report["Check"] for report in json.loads(done.stdout)["Reports"] or []]


@pytest.mark.parametrize("values", [{}, {"networkPolicy": {"enabled": True}}, {"namespaces": ["team-a"]}])
def test_the_linter_finds_nothing(helm: Any, tmp_path: Path, values: dict[str, Any]) -> None:
    assert lint(helm, tmp_path, values) == []


def test_the_linter_finds_what_is_made_worse(helm: Any, tmp_path: Path) -> None:
    assert "latest-tag" in lint(helm, tmp_path, {"image": {"tag": "latest"}})


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({}, ALLOWED | WITHOUT_POLICY),
        ({"networkPolicy": {"enabled": True, "egress": EGRESS}}, ALLOWED),
        ({"namespaces": ["team-a"]}, ALLOWED | WITHOUT_POLICY),
    ],
    ids=["default", "network policy", "namespaces"],
)
def test_nothing_is_found_but_what_has_its_reason(
    helm: Any, tmp_path: Path, values: dict[str, Any], allowed: dict[str, str]
) -> None:
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(helm.render({**values, "crds": {"install": False}}).text)
    command = [programs.built("kube-score"), "score", "--output-format=json", "--exit-one-on-warning", manifests]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {
        check["check"]["id"]
        for scored in json.loads(done.stdout)
        for check in scored["checks"]
        if not check["skipped"] and check["grade"] < 10
    }
    assert found == set(allowed)
