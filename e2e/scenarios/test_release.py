"""Releases of the chart: from the one before to this one, and what `helm test` does in a cluster."""

import json
from pathlib import Path
from typing import Any

from demo.install import RELEASE, SYSTEM
from demo.site import ROOT, Site
from scenarios.stand import Manifest, Model
from scenarios.transitions import SPEC

PREVIOUS = max((Path(__file__).parent / "charts").glob("*.tgz"))
"""The chart of the version before, as `helm package` made it."""
CRD = "modeldeployments.serinus.dev"
RESTRICTED = "pod-security.kubernetes.io/enforce"


def install_previous(site: Site) -> None:
    """Install the chart before in the place of this one; its operator need not work, for the image is this version's."""
    values = site.helm("get", "values", RELEASE, "--namespace", SYSTEM, "--output", "json")
    site.helm("uninstall", RELEASE, "--namespace", SYSTEM)
    site.helm(
        "install", RELEASE, str(PREVIOUS), "--namespace", SYSTEM, "--set-json", json.dumps(json.loads(values) or {})
    )


def upgrade(site: Site) -> None:
    """Upgrade the release as docs/operations.md says."""
    waiting = ("--wait=legacy", "--timeout=120s")
    chart = str(ROOT / "charts" / "serinus")
    site.helm("upgrade", RELEASE, chart, "--namespace", SYSTEM, "--reset-then-reuse-values", *waiting)


def fields(site: Site) -> set[str]:
    """Return the fields of a model's spec that the cluster knows."""
    crd: Manifest = json.loads(site.kubectl("get", "crd", CRD, "--output=json"))
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return set(schema["properties"])


def records(model: Model) -> dict[str, Any]:
    """Return what each revision was made of, by its name."""
    return {record["metadata"]["name"]: record["data"] for record in model.list("controllerrevisions")}


def test_an_upgrade_from_the_chart_before_changes_the_crd_and_no_model(fresh: Model) -> None:
    model, site = fresh, fresh.site
    model.apply("recommender/v1.yaml", **SPEC)
    revision = model.wait_stable()["stable"]["revision"]
    pods, made, known = model.pods(revision), records(model), fields(site)
    try:
        install_previous(site)
        assert "model" in known - fields(site)
    finally:
        upgrade(site)
    assert fields(site) == known
    model.kubectl("scale", "modeldeployment", model.name, "--replicas=3")
    status = model.wait("it is at work", lambda s: s["stable"]["readyReplicas"] == 3)
    assert (status["phase"], status["stable"]["revision"]) == ("Stable", revision)
    assert pods.items() <= model.pods(revision).items(), "a pod was restarted"
    assert records(model) == made, "a revision was made"


def test_helm_test_rolls_out_a_canary_where_pods_are_restricted(site: Site) -> None:
    site.kubectl("label", "namespace", SYSTEM, "--overwrite", f"{RESTRICTED}=restricted")
    told = site.helm("test", RELEASE, "--namespace", SYSTEM, "--logs", "--timeout", "300s")
    assert "the first version serves" in told
    assert "was promoted over" in told
    everything = "pods,configmaps,serviceaccounts,roles,rolebindings,modeldeployments"
    left = site.kubectl("--namespace", SYSTEM, "get", everything, "--output=name")
    assert [name for name in left.split() if name.endswith("-test")] == []
