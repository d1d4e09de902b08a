"""cert-manager's own controllers issue what the examples of TLS ask for: `make test-cert-manager`.

Not in `make test`: they take minutes to build, and what they make is the same for every version of Serinus.
"""

import base64
import json
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest
import yaml

from cluster import programs
from demo import install
from demo.site import ROOT, Site
from scenarios.stand import Manifest, Model
from scenarios.store import forwarded

EXAMPLES = ROOT / "examples" / "security"
CERT_MANAGER = "github.com/cert-manager/cert-manager"
PROXIES = "envoy-gateway-system"
GATEWAY = "public"
PATIENCE = 60.0


def documents(name: str, *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds in an example."""
    return [one for one in yaml.safe_load_all((EXAMPLES / name).read_text()) if one["kind"] in kinds]


def eventually(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.3)


def held(model: Model, secret: str) -> dict[str, str]:
    """Return what a Secret holds."""
    return {key: base64.b64decode(value).decode() for key, value in model.read("secret", secret)["data"].items()}


def ready(model: Model) -> None:
    model.kubectl("wait", "certificates", "--all", "--for=condition=Ready", f"--timeout={PATIENCE:g}s")


def renew(model: Model, certificate: str) -> None:
    """Have a certificate issued anew before its time, as `cmctl renew` does."""
    before = model.read("certificate", certificate)["status"]["revision"]
    asked = {
        "type": "Issuing",
        "status": "True",
        "reason": "ManuallyTriggered",
        "message": "",
        "lastTransitionTime": None,
    }
    asked["lastTransitionTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    patch = json.dumps({"status": {"conditions": [asked]}})
    model.kubectl("patch", "certificate", certificate, "--subresource=status", "--type=merge", f"--patch={patch}")
    eventually(lambda: model.read("certificate", certificate)["status"].get("revision") == before + 1, "renewed")
    ready(model)


@contextmanager
def controllers(site: Site, namespace: str, folder: Path) -> Iterator[None]:
    """Run cert-manager's controllers here, against the cluster; ClusterIssuers have their Secrets in this namespace."""
    definitions = programs.module(programs.CERTIFICATES_GRAPH, CERT_MANAGER) / "deploy" / "crds"
    site.kubectl("apply", "--server-side", "--filename", str(definitions))
    site.kubectl("wait", "--for=condition=Established", f"--timeout={PATIENCE:g}s", "--filename", str(definitions))
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(site.kubectl("config", "view", "--minify", "--flatten"))
    command = [programs.built("cert-manager"), "-kubeconfig", kubeconfig, "-cluster-resource-namespace", namespace]
    log = folder / "cert-manager.log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
            assert running.poll() is None, log.read_text()[-2000:]
        finally:
            running.terminate()
            running.wait()


@pytest.fixture(scope="module")
def issued(site: Site, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A namespace with the issuers and certificates of the example, and its authority as that of the gateway, too."""
    with controllers(site, model.namespace, tmp_path_factory.mktemp("cert-manager")):
        for document in documents("backend-tls.yaml", "Issuer", "Certificate"):
            model.kubectl("apply", "--filename=-", stdin=json.dumps(document))
        (public,) = documents("gateway-tls.yaml", "Certificate")
        issuer = public["spec"]["issuerRef"]
        install.apply(site, {
            "apiVersion": "cert-manager.io/v1",
            "kind": issuer["kind"],
            "metadata": {"name": issuer["name"]},
            "spec": {"ca": {"secretName": "models-ca"}},
        })  # fmt: skip
        public["metadata"]["namespace"] = model.namespace
        install.apply(site, public)
        try:
            ready(model)
            yield model
        finally:
            site.kubectl("delete", issuer["kind"], issuer["name"])


@dataclass(frozen=True)
class Listener:
    """The HTTPS listener of a Gateway, as callers outside reach it."""

    port: int
    authority: str

    def ask(self, host: str) -> int:
        """Return the status of an answer, by a connection whose certificate was checked."""
        connection = HTTPConnection(host)
        connection.sock = self._connect(host, ssl.create_default_context(cadata=self.authority))
        try:
            connection.request("GET", "/recommend?user_id=7")
            return connection.getresponse().status
        finally:
            connection.close()

    def ask_with_public_authorities(self, host: str) -> None:
        self._connect(host, ssl.create_default_context()).close()

    def _connect(self, host: str, trusting: ssl.SSLContext) -> ssl.SSLSocket:
        return trusting.wrap_socket(create_connection(("127.0.0.1", self.port), timeout=30), server_hostname=host)


@pytest.fixture(scope="module")
def listener(site: Site, issued: Model) -> Iterator[Listener]:
    """The Gateway of the example in the model's namespace, with proxies of its own."""
    proxies = json.loads(site.kubectl("--namespace", PROXIES, "get", "envoyproxy", "envoy", "--output=json"))["spec"]
    proxies["provider"]["kubernetes"]["envoyService"] = {"type": "ClusterIP"}
    own = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": GATEWAY}
    version = "gateway.envoyproxy.io/v1alpha1"
    made = {"apiVersion": version, "kind": "EnvoyProxy", "metadata": {"name": GATEWAY}, "spec": proxies}
    issued.kubectl("apply", "--filename=-", stdin=json.dumps(made))
    (gateway,) = documents("gateway-tls.yaml", "Gateway")
    gateway["metadata"]["namespace"] = issued.namespace
    gateway["spec"]["infrastructure"] = {"parametersRef": own}
    install.apply(site, gateway)
    issued.kubectl("wait", f"gateway/{GATEWAY}", "--for=condition=Programmed", f"--timeout={PATIENCE:g}s")
    chosen = f"--selector=gateway.envoyproxy.io/owning-gateway-namespace={issued.namespace}"
    service = site.kubectl("--namespace", PROXIES, "get", "services", chosen, "--output=name").strip()
    with forwarded(site, PROXIES, service, 443) as port:
        yield Listener(port, held(issued, "models-ca")["ca.crt"])


def example(model: Model, **changed: Any) -> Manifest:
    """Return the spec of the example with one pod, behind the test's Gateway."""
    (manifest,) = documents("backend-tls.yaml", "ModelDeployment")
    route = {"gateway": f"{model.namespace}/{GATEWAY}"}
    return install.merge(manifest["spec"], install.merge({"replicas": 1, "route": route}, changed))


def test_callers_and_pods_are_reached_by_https_alone(issued: Model, listener: Listener) -> None:
    issued.apply_spec(example(issued))
    issued.wait_stable()
    host = "recommender.example.com"
    eventually(lambda: listener.ask(host) == 200, "an answer")
    with pytest.raises(ssl.SSLCertVerificationError):
        listener.ask_with_public_authorities(host)
    with pytest.raises(ssl.SSLError):
        listener.ask("recommender.example.org")
    (policy,) = issued.list("backendtlspolicies")
    (ancestor,) = policy["status"]["ancestors"]
    assert {one["type"]: one["status"] for one in ancestor["conditions"]} == {
        "Accepted": "True",
        "ResolvedRefs": "True",
    }


def signed(folder: Path, authority: str, certificate: str) -> bool:
    """Whether an authority vouches for a certificate and its name, as openssl sees it."""
    (folder / "ca.crt").write_text(authority)
    (folder / "tls.crt").write_text(certificate)
    named = ["-verify_hostname", "recommender.models.svc"]
    command = ["openssl", "verify", *named, "-CAfile", folder / "ca.crt", folder / "tls.crt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_an_authority_that_is_renewed_vouches_for_what_it_signed_before(issued: Model, tmp_path: Path) -> None:
    """Pods go on with the certificate that they read at their start."""
    before = held(issued, "recommender-tls")
    renew(issued, "models-ca")
    renew(issued, "recommender-tls")
    now = held(issued, "recommender-tls")
    assert now["ca.crt"] != before["ca.crt"]
    assert now["tls.key"] != before["tls.key"]
    assert signed(tmp_path, now["ca.crt"], before["tls.crt"])
    assert signed(tmp_path, before["ca.crt"], now["tls.crt"])
