"""What kube-score finds in the chart is mended or has its reason here."""

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
