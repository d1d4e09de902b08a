"""Releases of the chart: from the one before to this one, and what `helm test` does in a cluster."""

import json
from pathlib import Path
from typing import Any

from demo import install
from demo.install import RELEASE, SYSTEM
from demo.site import Site
from scenarios.stand import Manifest, Model
from scenarios.transitions import SPEC

PREVIOUS = max((Path(__file__).parent / "charts").glob("*.tgz"))
"""The chart of the version before, as `helm package` made it."""
CRD = "modeldeployments.serinus.dev"
RESTRICTED = "pod-security.kubernetes.io/enforce"


def step_back(site: Site) -> None:
    """Let the release be the one before; its operator need not work, for the image is this version's."""
    site.helm("upgrade", RELEASE, str(PREVIOUS), "--namespace", SYSTEM, "--reset-values")


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
        step_back(site)
        assert "model" in known - fields(site)
    finally:
        install.chart(site)
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
