"""A model on the real cluster, as a test handles it."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from demo.install import merge
from demo.scene import percents
from demo.site import ROOT, Site

Manifest = dict[str, Any]
PATIENCE = 120.0
MARGIN = 0.1
"""To prove a version no worse than this takes about 75 requests without an error; the margin that is shipped takes 740."""
GATEWAY_LAG = 3.0
"""Seconds that the gateway may need to forget a route that is gone."""


@dataclass
class Model:
    """One ModelDeployment in a namespace of its own."""

    site: Site
    namespace: str
    name: str = "recommender"
    host: str = ""
    manifest: Manifest = field(default_factory=dict)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.site.kubectl("--namespace", self.namespace, *arguments, stdin=stdin)

    def apply(self, example: str, **overlay: Any) -> None:
        """Apply an example as it is shipped, with some fields of its spec changed."""
        manifest = yaml.safe_load((ROOT / "examples" / example).read_text())
        spec = merge(manifest["spec"], overlay)
        if spec.get("route"):
            spec["route"] = {**spec["route"], "hostnames": [self.host]}
        else:
            spec.pop("route", None)
        spec["analysis"] = {key: value for key, value in spec.get("analysis", {}).items() if value is not None}
        self.name = manifest["metadata"]["name"]
        self.manifest = {**manifest, "spec": spec}
        self.kubectl("apply", "--filename=-", stdin=json.dumps(self.manifest))

    def apply_unchanged(self, example: str) -> None:
        """Apply the file of an example as it is; its own host name is the model's."""
        path = ROOT / "examples" / example
        self.manifest = yaml.safe_load(path.read_text())
        self.name, self.host = self.manifest["metadata"]["name"], self.manifest["spec"]["route"]["hostnames"][0]
        self.kubectl("apply", "--filename", str(path))

    def apply_spec(self, spec: Manifest) -> None:
        """Apply a model of this name that is no example."""
        self.manifest = {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.name},
            "spec": spec,
        }
        self.kubectl("apply", "--filename=-", stdin=json.dumps(self.manifest))

    def get(self) -> Manifest:
        return self.read("modeldeployment", self.name)

    def read(self, kind: str, name: str) -> Manifest:
        found: Manifest = json.loads(self.kubectl("get", kind, name, "--output=json"))
        return found

    def list(self, kinds: str) -> list[Manifest]:
        items: list[Manifest] = json.loads(self.kubectl("get", kinds, "--output=json"))["items"]
        return items

    @property
    def status(self) -> Manifest:
        status: Manifest = self.get().get("status", {})
        return status

    def condition(self, kind: str) -> Manifest:
        return next((c for c in self.status.get("conditions", []) if c["type"] == kind), {})

    def wait(self, what: str, done: Callable[[Manifest], Any], patience: float = PATIENCE) -> Manifest:
        """Return the status as soon as it is as wanted; the last one explains a failure."""
        deadline = time.monotonic() + patience
        while True:
            status = self.status
            if done(status):
                return status
            assert time.monotonic() < deadline, f"{what}: not within {patience:g} s; the status is {brief(status)}"
            time.sleep(0.3)

    def wait_phase(self, *phases: str, patience: float = PATIENCE) -> Manifest:
        return self.wait(" or ".join(phases), lambda status: status.get("phase") in phases, patience)

    def wait_stable(self, patience: float = PATIENCE) -> Manifest:
        """Wait until the present generation is fully rolled out."""
        generation = self.get()["metadata"]["generation"]
        return self.wait(
            "Stable",
            lambda s: s.get("phase") == "Stable" and s.get("observedGeneration") == generation and ready(s),
            patience,
        )

    def command(self, verb: str, revision: str) -> None:
        text = f"serinus.dev/command={verb}/{revision}/{time.time_ns()}"
        self.kubectl("annotate", "--overwrite", "modeldeployment", self.name, text)

    def pods(self, revision: str) -> dict[str, int]:
        """Return the uids of a revision's pods that are not on their way out, with their restarts."""
        return {
            pod["metadata"]["uid"]: sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))
            for pod in self.list("pods")
            if pod["metadata"].get("labels", {}).get("serinus.dev/revision") == revision
            and "deletionTimestamp" not in pod["metadata"]
        }

    def route_weights(self) -> dict[str, int]:
        """Return the weights of the live route by revision."""
        return self.weights_of(self.read("httproute", self.name))

    def weights_of(self, route: Manifest) -> dict[str, int]:
        """Return the shares of a route by revision, in percent, without those that round to nothing."""
        return {revision: share for revision, share in percents(self.name, route).items() if share}

    def events(self) -> Sequence[str]:
        found = [e for e in self.list("events") if e["involvedObject"]["kind"] == "ModelDeployment"]
        return [event["reason"] for event in sorted(found, key=lambda e: e["metadata"]["creationTimestamp"])]


def metric(status: Manifest, name: str) -> Manifest:
    """Return what status says of one test."""
    return next((m for m in status.get("metrics", []) if m["name"] == name), {})


def ready(status: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))


def brief(status: Manifest) -> str:
    kept = {
        key: status.get(key) for key in ("phase", "reason", "message", "weight", "step", "stable", "canary", "metrics")
    }
    return json.dumps(kept)


@dataclass
class WeightHistory:
    """The weights of a route as the API server told them, with the local time of each change."""

    changes: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def first(self, wanted: Callable[[dict[str, int]], bool], after: float = 0.0) -> float | None:
        return next((at for at, weights in self.changes if at >= after and wanted(weights)), None)


@contextmanager
def weight_history(model: Model) -> Iterator[WeightHistory]:
    """Watch a route for as long as the block lasts."""
    history = WeightHistory()

    def note(route: Manifest) -> None:
        weights = model.weights_of(route)
        if not history.changes or history.changes[-1][1] != weights:
            history.changes.append((time.time(), weights))

    with watched(model, f"/apis/gateway.networking.k8s.io/v1/namespaces/{model.namespace}/httproutes", note):
        yield history


@contextmanager
def watched(model: Model, path: str, note: Callable[[Manifest], None]) -> Iterator[None]:
    """Hand every object that the API server tells of to `note`, in another thread, for as long as the block lasts."""
    command = [
        str(model.site.bin / "kubectl"), "--kubeconfig", str(model.site.kubeconfig), "--context", model.site.context,
        "get", "--raw", f"{path}?watch=1&timeoutSeconds=900",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def follow() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            note(json.loads(line)["object"])

    reader = threading.Thread(target=follow, daemon=True)
    reader.start()
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        reader.join()
