"""Argo CD as processes on loopback, and a git repository that it follows."""

import contextlib
import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cluster import programs

from .control_plane import ControlPlane, free_port
from .kube import Kube, Manifest
from .waiting import eventually

MODULE = "github.com/argoproj/argo-cd/v3"
NAMESPACE = "argocd"
APPLICATION = "models"
TRACKING = "annotation+label"
"""Argo CD marks what it applies by both, so a copy of either on a child would show."""
PROJECT: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "default", "namespace": NAMESPACE},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}


@dataclass
class Repository:
    """A git repository with one manifest."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, manifest: Manifest, message: str) -> str:
        """Commit a manifest; return the commit's name."""
        (self.folder / "model.yaml").write_text(yaml.safe_dump(manifest))
        self._git("add", "model.yaml")
        self._git("commit", "--quiet", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def revert(self) -> str:
        self._git("revert", "--no-edit", "HEAD")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        who = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
        command = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass
class ArgoCD:
    """Application controller and repo server of a real Argo CD, with a cache in memory."""

    program: Path
    plane: ControlPlane
    home: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        return Kube(self.plane)

    def configure(self, config: Path, entries: dict[str, str]) -> None:
        """Create what an installation creates beside its Deployments, with more entries for `argocd-cm`."""
        self.kube.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
        for path in sorted(config.glob("argocd-*.yaml")):
            found = yaml.safe_load(path.read_text())
            if found["metadata"]["name"] == "argocd-cm":
                found["data"] |= {**entries, "application.resourceTrackingMethod": TRACKING}
            plural = "secrets" if found["kind"] == "Secret" else "configmaps"
            self.kube.create(plural, NAMESPACE, found)
        secret = {"stringData": {"server.secretkey": "0123456789abcdef0123456789abcdef"}}
        self.kube.merge("secrets", NAMESPACE, "argocd-secret", secret)
        self.kube.create("appprojects", NAMESPACE, PROJECT)

    def start(self) -> None:
        redis, repo = f"127.0.0.1:{free_port()}", free_port()
        health = free_port()
        self._run("redis", redis)
        self._run(
            "argocd-repo-server", "--address=127.0.0.1", f"--port={repo}", "--metrics-address=127.0.0.1",
            f"--metrics-port={free_port()}", f"--redis={redis}", "--disable-tls",
        )  # fmt: skip
        self._run(
            "argocd-application-controller", f"--namespace={NAMESPACE}", f"--metrics-port={health}", f"--redis={redis}",
            f"--repo-server=127.0.0.1:{repo}", "--repo-server-plaintext", "--app-resync=5", "--app-resync-jitter=0",
            "--persist-resource-health",
        )  # fmt: skip
        eventually(lambda: self._answers(health), "Argo CD's controller is healthy", show=self.last_words)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def follow(self, repository: Repository, namespace: str) -> None:
        """Create an Application that may sync, heal and prune by itself."""
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": APPLICATION, "namespace": NAMESPACE},
            "spec": {
                "project": "default",
                "source": {"repoURL": f"file://{repository.folder}", "path": ".", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
        }
        self.kube.create("applications", NAMESPACE, body)

    def notify(self) -> None:
        """Tell Argo CD of a push, as a webhook does."""
        patch = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
        self.kube.merge("applications", NAMESPACE, APPLICATION, patch)

    def application(self) -> Manifest:
        found = self.kube.get("applications", NAMESPACE, APPLICATION)
        assert found is not None
        return found.get("status", {})

    def wait(self, commit: str, health: str) -> Manifest:
        """Wait until a commit is synced and the application has a health; return its status."""

        def look() -> Manifest | None:
            status = self.application()
            sync = status.get("sync", {})
            good = (sync.get("status"), sync.get("revision")) == ("Synced", commit)
            return status if good and status.get("health", {}).get("status") == health else None

        found = eventually(look, f"{commit} is synced and {health}", patience=90, show=self.tell)
        assert found is not None
        return found

    def act(self, script: str, live: Manifest) -> None:
        """Do what Argo CD's server does for an action: patch a model by the difference that its script makes."""
        (changed,) = lua(self.program, [{"kind": "action", "script": script, "object": live}])
        metadata = live["metadata"]
        annotations = changed["metadata"]["annotations"]
        assert changed == {**live, "metadata": {**metadata, "annotations": annotations}}
        patch = {"metadata": {"annotations": annotations}}
        self.kube.merge("modeldeployments", metadata["namespace"], metadata["name"], patch)

    def tell(self) -> str:
        status = self.application()
        kept = {key: status.get(key) for key in ("sync", "health", "conditions", "operationState", "resources")}
        return f"{json.dumps(kept)[:3000]}; {self.last_words()}"

    def last_words(self) -> str:
        logs = (path.read_text(errors="replace")[-1500:] for path in sorted(self.home.glob("argocd-*.log")))
        return " / ".join(logs)

    def _run(self, *arguments: str) -> None:
        with (self.home / f"{arguments[0]}.log").open("wb") as log:
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "TMPDIR": str(self.home),
                "KUBECONFIG": str(self.plane.kubeconfig),
                "ARGOCD_FAKE_IN_CLUSTER": "true",
                "ARGOCD_GPG_ENABLED": "false",
                "ARGOCD_TLS_DATA_PATH": str(self.home / "tls"),
                "ARGOCD_SSH_DATA_PATH": str(self.home / "ssh"),
                "ARGOCD_ASK_PASS_SOCK": str(self.home / "ask-pass.sock"),
            }
            command = [str(self.program), *arguments]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.home))

    def _answers(self, port: int) -> bool:
        assert all(process.poll() is None for process in self.processes), self.last_words()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as got:
            return bool(got.status == 200)
        return False


def lua(program: Path, tasks: list[dict[str, Any]]) -> list[Any]:
    """Return what Argo CD's own Lua machine makes of scripts and objects."""
    asked = json.dumps(tasks)
    done = subprocess.run([program, "lua"], input=asked, capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def sources() -> Path:
    """Return the folder of Argo CD's module."""
    return programs.module(programs.ARGOCD_GRAPH, MODULE)
