"""What git holds, rendered and applied; and what Flux and Helm make of a status."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs
from cluster.console import ClusterError
from tests.gitops.files import GITOPS
from tests.gitops.objects import OBJECTS

from .kube import APPLY, Kube, Manifest, path

CHECKS = [
    document["spec"]["healthCheckExprs"][0]
    for document in yaml.safe_load_all((GITOPS / "flux" / "kustomizations.yaml").read_text())
]


def rendered(assets: Path, overlay: Path) -> Manifest:
    command = [assets / "kubectl", "kustomize", overlay]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (model,) = yaml.safe_load_all(done.stdout)
    return dict(model)


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_overlay_is_what_the_api_server_takes(assets: Path, kube: Kube, namespace: str, environment: str) -> None:
    model = rendered(assets, GITOPS / environment)
    assert model["metadata"]["namespace"] == f"shop-{environment}"
    model["metadata"]["namespace"] = namespace
    query = {"fieldManager": "person", "force": "true", "fieldValidation": "Strict", "dryRun": "All"}
    taken = kube.call("PATCH", path("modeldeployments", namespace, "recommender", **query), model, APPLY)
    assert taken["spec"]["runtime"] == model["spec"]["runtime"]


def test_a_version_goes_from_staging_to_production_by_one_file(assets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(GITOPS, folder)
    staging, production = folder / "staging", folder / "production"
    before = rendered(assets, production)
    version = (staging / "version.yaml").read_text()
    (staging / "version.yaml").write_text(version.replace("recommender:1.0.0", "recommender:2.0.0"))
    assert rendered(assets, staging)["spec"]["runtime"]["image"].endswith(":2.0.0")
    assert rendered(assets, production) == before
    shutil.copy(staging / "version.yaml", production / "version.yaml")
    after = rendered(assets, production)
    assert after["spec"]["runtime"].pop("image").endswith(":2.0.0")
    assert before["spec"]["runtime"].pop("image").endswith(":1.0.0")
    assert after == before


# kstatus, and the expressions for Flux

VERDICTS = {
    **dict.fromkeys(OBJECTS, "InProgress"),
    **dict.fromkeys(("stable", "stable-paused", "stable-without-pods"), "Current"),
    **dict.fromkeys(
        ("refused", "initializing-late", "stable-problem", "stepping-overdue", "rolled-back", "rolled-back-again"),
        "Failed",
    ),
}


@pytest.fixture(scope="session")
def flux() -> Path:
    try:
        return programs.built("verdict")
    except (ClusterError, OSError) as error:
        pytest.skip(f"no kstatus: {error}")


def judged(flux: Path, objects: list[Manifest]) -> list[dict[str, Any]]:
    asked = json.dumps({"check": CHECKS[0], "objects": objects})
    done = subprocess.run([flux], input=asked, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_kstatus_and_flux_give_the_same_verdict_in_every_phase(flux: Path) -> None:
    named = {name: make() for name, make in OBJECTS.items() if name != "new"}
    for name, found in zip(named, judged(flux, list(named.values())), strict=True):
        assert found == {"kstatus": VERDICTS[name], "flux": VERDICTS[name]}, name


def test_only_the_expressions_wait_for_the_first_status(flux: Path) -> None:
    (found,) = judged(flux, [OBJECTS["new"]()])
    assert found["kstatus"] == "Current"
    assert found["flux"].startswith("error: "), "an error is waited out, until the timeout"


def test_both_environments_are_checked_alike() -> None:
    assert len(CHECKS) == 2
    assert CHECKS[0] == CHECKS[1]
