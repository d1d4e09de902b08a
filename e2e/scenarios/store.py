"""A real S3-compatible server in the cluster, with what a test keeps there."""

import re
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster import venvs
from cluster.console import run
from demo import install
from demo.site import ROOT, Site
from scenarios import model_images

BUCKET = "models"
PORT = 9000
UPLOAD = """
import sys
from pathlib import Path
from obstore.store import S3Store
store, folder = S3Store(sys.argv[1], client_options={"allow_http": True}), Path(sys.argv[2])
for path in sorted(folder.rglob("*")):
    if path.is_file():
        store.put(path.relative_to(folder).as_posix(), path)
"""
"""As `aws s3 sync` would do it, by the library that fetches models, too."""


@dataclass(frozen=True)
class Store:
    """Versity's gateway on a folder, in a namespace of its own."""

    site: Site
    namespace: str = field(default_factory=lambda: f"e2e-store-{uuid.uuid4().hex[:6]}")
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def secret(self) -> dict[str, Any]:
        """Return the Secret that the examples name."""
        data = self._environment(f"http://store.{self.namespace}:{PORT}")
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "models"}, "stringData": data}

    def upload(self, folder: Path) -> None:
        """Put the files of a folder into the bucket."""
        interpreter = venvs.of(ROOT / "runtimes" / "storage")
        with forwarded(self.site, self.namespace, "service/store", PORT) as port:
            environment = {**self._environment(f"http://127.0.0.1:{port}"), "PYTHONPATH": ""}
            run([interpreter, "-c", UPLOAD, BUCKET, folder], env=environment)

    def start(self) -> None:
        install.apply(self.site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        install.apply(self.site, self._deployment(), "--namespace", self.namespace)
        service = {"selector": {"app": "store"}, "ports": [{"port": PORT}]}
        manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"}, "spec": service}
        install.apply(self.site, manifest, "--namespace", self.namespace)
        self.site.kubectl("--namespace", self.namespace, "rollout", "status", "deployment/store", "--timeout=60s")

    def _environment(self, url: str) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": self.key,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
        }

    def _deployment(self) -> dict[str, Any]:
        # A folder below the server's own is a bucket.
        folders = {"data": "/store/data", "bucket": f"/store/data/{BUCKET}", "side": "/store/side"}
        container = {
            "name": "store",
            "image": model_images.versitygw().tag,
            "args": [
                "--access", "reader", "--secret", self.key, "--port", f"0.0.0.0:{PORT}", "--quiet",
                "posix", "--sidecar", folders["side"], folders["data"],
            ],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "volumeMounts": [{"name": name, "mountPath": path} for name, path in folders.items()],
        }  # fmt: skip
        pod = {
            "containers": [container],
            "securityContext": {"fsGroup": 65532},
            "volumes": [{"name": name, "emptyDir": {}} for name in folders],
        }
        template = {"metadata": {"labels": {"app": "store"}}, "spec": pod}
        spec = {"selector": {"matchLabels": {"app": "store"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "store"}, "spec": spec}


@contextmanager
def store(site: Site) -> Iterator[Store]:
    """Run a store with an empty bucket for as long as the block lasts."""
    made = Store(site)
    try:
        made.start()
        yield made
    finally:
        site.kubectl("delete", "namespace", made.namespace, "--wait=false", "--ignore-not-found")


@contextmanager
def forwarded(site: Site, namespace: str, target: str, port: int) -> Iterator[int]:
    """Reach a port in the cluster by one of this machine."""
    command = [
        str(site.bin / "kubectl"), "--kubeconfig", str(site.kubeconfig), "--context", site.context,
        "--namespace", namespace, "port-forward", target, f":{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+) ->", said)
            assert found, f"kubectl port-forward said {said!r}"
            yield int(found[1])
        finally:
            process.terminate()
