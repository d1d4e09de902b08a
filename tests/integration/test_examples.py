"""Every object of the examples of security is taken by a real API server, strictly, with the CRDs of those who made them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs
from cluster.addons import ENVOY_GATEWAY
from cluster.console import ClusterError
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired import labels
from serinus.desired.pod import template
from serinus.desired.serving import Serving

from .conftest import install
from .kube import Kube, Manifest, RefusedError
from .stand import ROOT

EXAMPLES = ROOT / "examples"
FILES = sorted([*(EXAMPLES / "authentication").glob("*.yaml"), *(EXAMPLES / "security").glob("*.yaml")])
CERT_MANAGER = "github.com/cert-manager/cert-manager"
CRDS = ("cert-manager.io_certificates", "cert-manager.io_issuers", "gateway.envoyproxy.io_securitypolicies")


def documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@pytest.fixture(scope="module")
def others(kube: Kube, gateway_crds: Path, tmp_path_factory: pytest.TempPathFactory) -> Kube:
    """The API server with the kinds of the Gateway API, Envoy Gateway and cert-manager."""
    folder = tmp_path_factory.mktemp("crds")
    try:
        envoy = programs.module(programs.GATEWAY_GRAPH, ENVOY_GATEWAY) / "charts" / "gateway-helm"
        certificates = programs.module(programs.CERTIFICATES_GRAPH, CERT_MANAGER) / "deploy" / "crds"
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no definitions of Envoy Gateway and cert-manager: {error}")
    for source in (envoy / "charts" / "crds" / "crds" / "generated", certificates):
        for name in CRDS:
            if (source / f"{name}.yaml").exists():
                shutil.copyfile(source / f"{name}.yaml", folder / f"{name}.yaml")
    assert len(list(folder.iterdir())) == len(CRDS)
    install(kube, gateway_crds)
    install(kube, folder)
    return kube


def where(kube: Kube, document: Manifest, namespace: str) -> str:
    """Return the collection that an object belongs to, as the API server tells it."""
    version = document["apiVersion"]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    known: list[dict[str, Any]] = kube.call("GET", root)["resources"]
    (plural,) = (one["name"] for one in known if one["kind"] == document["kind"] and "/" not in one["name"])
    return f"{root}/namespaces/{namespace}/{plural}?fieldValidation=Strict&dryRun=All"


def taken(kube: Kube, document: Manifest, namespace: str) -> Manifest:
    """Return an object as it would be stored in this namespace."""
    metadata = {**document["metadata"], "namespace": namespace}
    stored: Manifest = kube.call("POST", where(kube, document, namespace), {**document, "metadata": metadata})
    return stored


def test_the_files_are_there() -> None:
    assert [str(path.relative_to(EXAMPLES)) for path in FILES] == [
        "authentication/jwt.yaml",
        "authentication/oauth2-proxy.yaml",
        "authentication/oidc.yaml",
        "security/backend-tls.yaml",
        "security/gateway-tls.yaml",
        "security/network-policies.yaml",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_object_is_taken(others: Kube, namespace: str, path: Path) -> None:
    assert path.read_text().startswith("# ")
    for document in documents(path):
        stored = taken(others, document, namespace)
        assert (stored["kind"], stored["metadata"]["name"]) == (document["kind"], document["metadata"]["name"])


def pod(model: Manifest) -> Manifest:
    """Return the pod that the operator would make of a model."""
    runtime = ModelDeploymentSpec.model_validate(model["spec"]).runtime
    return {"apiVersion": "v1", "kind": "Pod", **template(model["metadata"]["name"], "aaaaaaaaaa", Serving(runtime))}


MODELS = [document for path in FILES for document in documents(path) if document["kind"] == "ModelDeployment"]


@pytest.mark.parametrize("model", MODELS, ids=["oauth2-proxy", "backend-tls"])
def test_pods_are_taken_under_the_restricted_standard(others: Kube, namespace: str, model: Manifest) -> None:
    marks = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    others.merge("namespaces", "", namespace, marks)
    made = pod(model)
    made["metadata"]["name"] = "pod"
    assert taken(others, made, namespace)["metadata"]["name"] == "pod"
    made["spec"]["containers"][-1]["securityContext"] = {}
    with pytest.raises(RefusedError, match="violates PodSecurity"):
        taken(others, made, namespace)


def test_routes_lead_to_the_login_and_probes_to_the_model() -> None:
    model, proxy = pod(MODELS[0])["spec"]["containers"]
    assert (model["name"], model["readinessProbe"]["httpGet"]["port"], model["ports"]) == ("model", 8000, [])
    assert [port["name"] for port in proxy["ports"]] == ["http"]
    assert "--upstream=http://127.0.0.1:8000" in proxy["args"]


def test_what_is_wrong_would_be_found(others: Kube, namespace: str) -> None:
    (policy,) = documents(EXAMPLES / "authentication" / "oidc.yaml")
    policy["spec"]["oidc"]["clientId"] = "recommender"
    with pytest.raises(RefusedError, match="unknown field"):
        taken(others, policy, namespace)


def test_policies_of_the_network_hold_for_every_revision_of_every_model() -> None:
    for policy in documents(EXAMPLES / "security" / "network-policies.yaml"):
        (chosen,) = policy["spec"]["podSelector"]["matchExpressions"]
        assert chosen == {"key": labels.MODEL, "operator": "Exists"}
        assert set(labels.selector("any", "revision")) > {labels.MODEL}
