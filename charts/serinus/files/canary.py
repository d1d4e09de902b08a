"""Rolls out a tiny canary: what `helm test` does, in the cluster and with the operator at work.

The model is the operator's own image, which serves an empty folder; its second version has another
environment. Nobody counts its requests, so a command promotes it, as a person's would.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]
HERE = Path(__file__).parent
ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
SECONDS = float(os.environ.get("SECONDS_TO_WAIT", "240"))
MERGE = "application/merge-patch+json"


class Gone(Exception):  # noqa: N818 - a state of an object
    """There is no such object."""


def call(method: str, path: str, body: Manifest | None = None, content: str = "application/json") -> Manifest:
    """Return what the API server answers.

    Raises:
        Gone: there is no such object.
        SystemExit: it refused.
    """
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    address = f"https://{f'[{host}]' if ':' in host else host}:{port}/apis/serinus.dev/v1alpha1/{path}"
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}", "Content-Type": content}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        context = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:  # noqa: S310 - always https
            found: Manifest = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise Gone(path) from None
        raise SystemExit(f"{method} {path}: HTTP {error.code}: {error.read().decode(errors='replace')}") from None


def wait(path: str, look: Callable[[Manifest], bool], what: str) -> Manifest:
    """Wait until the model's status is as it shall be, and return it.

    Raises:
        SystemExit: it did not become so in time; the status is printed.
    """
    deadline, status = time.monotonic() + SECONDS, {}
    while time.monotonic() < deadline:
        status = call("GET", path).get("status", {})
        if look(status):
            print(f"{what}: {status['phase']}, stable {status['stable']['revision']}", flush=True)
            return status
        time.sleep(0.5)
    raise SystemExit(f"not within {SECONDS:g} s: {what}\n{json.dumps(status, indent=1)}")


def remove(path: str) -> None:
    """Delete the model, if there is one, and wait until it is gone."""
    deadline = time.monotonic() + SECONDS
    try:
        call("DELETE", path)
        while time.monotonic() < deadline:
            call("GET", path)
            time.sleep(0.5)
    except Gone:
        return
    raise SystemExit(f"{path} is not gone after {SECONDS:g} s")


def main() -> None:
    """Serve a model, roll out its second version, and take it all away."""
    model = json.loads((HERE / "model.json").read_text())
    folder = f"namespaces/{model['metadata']['namespace']}/modeldeployments"
    path = f"{folder}/{model['metadata']['name']}"
    remove(path)
    try:
        call("POST", folder, model)
        first = wait(path, lambda status: status.get("phase") == "Stable", "the first version serves")
        call("PATCH", path, {"spec": {"runtime": {"env": [{"name": "VERSION", "value": "2"}]}}}, MERGE)
        status = wait(
            path, lambda status: bool((status.get("canary") or {}).get("readyReplicas")), "the canary is ready"
        )
        canary = status["canary"]["revision"]
        command = f"promote/{canary}/{time.monotonic_ns()}"
        call("PATCH", path, {"metadata": {"annotations": {"serinus.dev/command": command}}}, MERGE)
        wait(
            path,
            lambda status: status.get("phase") == "Stable" and status["stable"]["revision"] == canary,
            f"revision {canary} was promoted over {first['stable']['revision']}",
        )
    finally:
        remove(path)


if __name__ == "__main__":
    sys.exit(main())
