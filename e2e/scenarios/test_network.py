"""Between the gateway and the pods: HTTPS, where it knows a canary's certificate as it knows stable's, and who is let in."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import install
from demo.site import ROOT
from demo.trouble import Trouble
from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, metric

EXAMPLE = ROOT / "examples" / "security" / "backend-tls.yaml"
POLICIES = ROOT / "examples" / "security" / "network-policies.yaml"
OURS = "kubernetes.io/metadata.name"
SPEC: dict[str, Any] = {
    "replicas": 1,
    "rollout": {"steps": [{"weight": 50, "minDuration": "3s"}], "drain": "2s", "watchAfterPromotion": "2s"},
    "route": {"timeout": "5s"},
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}


def encrypted(model: Model, version: int, **tls: str) -> dict[str, Any]:
    """Return the spec of the example for a version, with parts of its `tls` changed."""
    *_, manifest = yaml.safe_load_all(EXAMPLE.read_text())
    own = {"image": f"serinus-example/recommender:{version}.0.0", "tls": tls}
    return install.merge(
        manifest["spec"], {**SPEC, "runtime": own, "route": {**SPEC["route"], "hostnames": [model.host]}}
    )


@pytest.fixture(scope="module")
def certified(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model in the clear, and the Secret that cert-manager would have made for the example."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    names = "subjectAltName=DNS:recommender.models.svc"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=models", "-addext", names,
         "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    files = {"tls.key": "tls.key", "tls.crt": "tls.crt", "ca.crt": "tls.crt"}
    data = {key: (folder / name).read_text() for key, name in files.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "recommender-tls"}, "stringData": data}
    model.kubectl("apply", "--filename=-", stdin=json.dumps(secret))
    model.apply("recommender/v1.yaml", **SPEC)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return model


def test_the_next_version_answers_https_and_no_request_is_dropped(
    certified: Model, start_load: Callable[..., Load]
) -> None:
    load = start_load(certified, 60.0)
    certified.apply_spec(encrypted(certified, 2))
    status = certified.wait_stable()
    (policy,) = certified.list("backendtlspolicies")
    assert policy["spec"]["targetRefs"][0]["name"] == f"recommender-{status['stable']['revision']}"
    (ancestor,) = policy["status"]["ancestors"]
    accepted = {condition["type"]: condition["status"] for condition in ancestor["conditions"]}
    assert accepted == {"Accepted": "True", "ResolvedRefs": "True"}
    assert load.journal.first_of("2"), "somebody was answered by the new version"
    load.stop()
    assert not load.journal.failures()


def test_a_version_whose_certificate_has_another_name_is_taken_back(
    certified: Model, start_load: Callable[..., Load]
) -> None:
    """Behind HTTPS already, so that the one difference is the name that is asked for."""
    before = certified.status["stable"]["revision"]
    load = start_load(certified, 60.0)
    certified.apply_spec(encrypted(certified, 1, hostname="somebody-else.models.svc"))
    status = certified.wait_phase("RolledBack")
    assert metric(status, "error-rate")["canaryErrors"] > 0
    assert certified.route_weights() == {before: 100}
    assert {"200", "503"} <= {answer.kind for answer in load.journal.window()}


@pytest.mark.parametrize("whose", ["the operator's", "the model's"])
def test_no_other_pods_than_restricted_ones_are_taken(certified: Model, whose: str) -> None:
    space = install.SYSTEM if whose == "the operator's" else certified.namespace
    with pytest.raises(Trouble, match="violates PodSecurity"):
        certified.site.kubectl("--namespace", space, "run", "any", "--image=any", "--dry-run=server")


def named(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def test_the_policies_of_the_network_name_pods_that_are_there(certified: Model) -> None:
    """The bridge of the test's cluster enforces no policy, so this is about names: a wrong one would shut somebody out."""
    certified.kubectl("apply", "--filename", str(POLICIES))
    rules = [
        rule
        for policy in yaml.safe_load_all(POLICIES.read_text())
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
    ]
    peers = [peer for rule in rules for peer in rule.get("from", rule.get("to")) if "namespaceSelector" in peer]
    assert len(peers) == 4
    for peer in peers:
        space = peer["namespaceSelector"]["matchLabels"][OURS]
        chosen = named(peer.get("podSelector", {}).get("matchLabels", {}))
        found = certified.site.kubectl("--namespace", space, "get", "pods", f"--selector={chosen}", "--output=name")
        assert found, f"no pod of {space} is {chosen}"
    pods = json.loads(certified.kubectl("get", "pods", "--selector=serinus.dev/modeldeployment", "--output=json"))
    ports = {port["name"] for pod in pods["items"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports == {"http"}
