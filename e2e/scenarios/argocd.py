"""A real Argo CD beside the cluster, and a git repository that it follows.

Its application controller and its repo server run as processes of this machine: they need a
kubeconfig of the cluster, and nothing in it but their kinds and their settings. Their cache is
miniredis, which speaks Redis's protocol, since Redis itself would have to be installed.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cluster import programs
from cluster.argocd import lua, manifests
from demo import install
from demo.site import ROOT, Site
from scenarios.stand import Manifest, Model, watched

GITOPS = ROOT / "examples" / "gitops"
ACTIONS = GITOPS / "argocd" / "resource_customizations" / "serinus.dev" / "ModelDeployment" / "actions"
GROUP = "argoproj.io"
KINDS = {
    "applications.argoproj.io": "application-crd.yaml",
    "appprojects.argoproj.io": "appproject-crd.yaml",
}
"""What the controller reads, with the files that define it."""
TRACKING = "annotation+label"
"""Argo CD marks what it applies by both, so a copy of either on a child would show."""
PATIENCE = 120.0
KUSTOMIZE = """#!/bin/sh
# The kustomize that kubectl holds, under the name by which the repo server calls it.
[ "$1" = build ] || exit 2
shift
exec "{kubectl}" kustomize "$@"
"""


@dataclass
class Repository:
    """A git repository with the staging environment of examples/gitops, for another namespace."""

    folder: Path
    namespace: str
    commits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part in ("base", "staging"):
            shutil.copytree(GITOPS / part, self.folder / part)
        self._edit("kustomization.yaml", "namespace: shop-staging", f"namespace: {self.namespace}")
        self._git("init", "--quiet", "--initial-branch=main")

    def environment(self, spec: Manifest) -> None:
        """Write the overlay with size, address and rollout."""
        path = self.folder / "staging" / "environment.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "spec": spec}))

    def version(self, number: int) -> None:
        """Name another version, as the page on GitOps does."""
        self._edit("version.yaml", r"recommender:\d+", f"recommender:{number}")

    def note(self) -> None:
        """Add an object that is no model's."""
        note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"owner": "shop"}}
        (self.folder / "staging" / "note.yaml").write_text(yaml.safe_dump(note))
        self._edit("kustomization.yaml", re.escape("[../base]"), "[../base, note.yaml]")

    def forget_note(self) -> None:
        """Take it away again."""
        (self.folder / "staging" / "note.yaml").unlink()
        self._edit("kustomization.yaml", re.escape("[../base, note.yaml]"), "[../base]")

    def commit(self, message: str) -> str:
        """Commit everything; return the commit's name."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        return self._head()

    def revert(self) -> str:
        """Revert the last commit; return the name of the new one."""
        self._git("revert", "--no-edit", "HEAD")
        return self._head()

    def _edit(self, name: str, pattern: str, text: str) -> None:
        path = self.folder / "staging" / name
        edited, found = re.subn(pattern, text, path.read_text())
        assert found == 1, f"{path} has {found} times {pattern}"
        path.write_text(edited)

    def _head(self) -> str:
        self.commits.append(self._git("rev-parse", "HEAD").strip())
        return self.commits[-1]

    def _git(self, *arguments: str) -> str:
        who = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
        command = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass
class History:
    """Each status of the application that the API server told, in order and without repetitions."""

    statuses: list[Manifest] = field(default_factory=list)

    def note(self, application: Manifest) -> None:
        status = application.get("status", {})
        if not self.statuses or self.statuses[-1] != status:
            self.statuses.append(status)

    @property
    def last(self) -> Manifest:
        return self.statuses[-1] if self.statuses else {}

    def syncs(self, commit: str) -> list[str]:
        """Return the words for the sync with a commit, from the first time that it was compared."""
        told = (status.get("sync", {}) for status in list(self.statuses))
        return [sync["status"] for sync in told if sync.get("revision") == commit]

    def touched(self) -> set[tuple[str, str]]:
        """Return the kinds that syncs touched, and what they did with each: `Synced`, or `Pruned`."""
        results = (status.get("operationState", {}).get("syncResult", {}) for status in list(self.statuses))
        return {(each["kind"], each.get("status", "")) for result in results for each in result.get("resources", [])}


@dataclass
class ArgoCD:
    """A running Argo CD with one Application that may sync, heal and prune by itself.

    The Application's name is that of the namespace: what another Argo CD of the cluster applied under the name of an
    Application of ours would be pruned.
    """

    site: Site
    home: Path
    program: Path = field(default_factory=lambda: programs.built("argocd"))
    namespace: str = field(default_factory=lambda: f"argocd-{uuid.uuid4().hex[:6]}")
    history: History = field(default_factory=History)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _kinds: list[str] = field(default_factory=list)
    """Those that were not there before."""

    def install(self) -> None:
        """Create what an installation creates beside its Deployments; kinds that are there already are left alone."""
        self._kinds = sorted(KINDS.keys() - self._served())
        if self._kinds:
            files = [f"--filename={manifests() / 'crds' / KINDS[name]}" for name in self._kinds]
            self.site.kubectl("create", "--validate=ignore", *files)
            self.until(lambda: KINDS.keys() <= self._served(), "its kinds are served")
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        settings = [self._setting(path) for path in sorted((manifests() / "base" / "config").glob("argocd-*.yaml"))]
        items = [namespace, *settings, self._project()]
        install.apply(self.site, {"apiVersion": "v1", "kind": "List", "items": items})

    def start(self) -> None:
        redis, repo, health = (f"127.0.0.1:{free_port()}" for _ in range(3))
        port = repo.rpartition(":")[2]
        self._run("redis", redis)
        self._run(
            "argocd-repo-server", "--address=127.0.0.1", f"--port={port}", "--metrics-address=127.0.0.1",
            f"--metrics-port={free_port()}", f"--redis={redis}", "--disable-tls",
        )  # fmt: skip
        self._run(
            "argocd-application-controller", f"--namespace={self.namespace}", f"--metrics-port={health.rpartition(':')[2]}",
            f"--redis={redis}", f"--repo-server={repo}", "--repo-server-plaintext", "--app-resync=5",
            "--app-resync-jitter=0", "--persist-resource-health",
        )  # fmt: skip
        self.until(lambda: self._answers(health), "its controller is healthy")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self.site.kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")
        if self._kinds:
            self.site.kubectl("delete", "crd", *self._kinds, "--wait=false", "--ignore-not-found")

    @contextmanager
    def following(self, repository: Repository, model: Model) -> Iterator[None]:
        """Let it follow a repository for as long as the block lasts."""
        body = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "Application",
            "metadata": {"name": self.namespace, "namespace": self.namespace},
            "spec": {
                "project": "default",
                "source": {"repoURL": f"file://{repository.folder}", "path": "staging", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": model.namespace},
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
        }
        install.apply(self.site, body)
        path = f"/apis/{GROUP}/v1alpha1/namespaces/{self.namespace}/applications"
        with watched(model, path, self.history.note):
            yield

    def notify(self) -> None:
        """Tell Argo CD of a push, as a webhook does."""
        refresh = "argocd.argoproj.io/refresh=normal"
        self.site.kubectl(
            "--namespace", self.namespace, "annotate", "--overwrite", "application", self.namespace, refresh
        )

    def wait(self, commit: str, health: str) -> Manifest:
        """Wait until the sync with a commit is over and the application has a health; return its status."""

        def look() -> bool:
            sync, operation = (self.history.last.get(key, {}) for key in ("sync", "operationState"))
            over = (operation.get("phase"), operation.get("syncResult", {}).get("revision"))
            found = (sync.get("status"), sync.get("revision"), self.history.last.get("health", {}).get("status"))
            return (*over, *found) == ("Succeeded", commit, "Synced", commit, health)

        self.until(look, f"{commit} is synced and {health}")
        return self.history.last

    def until(self, look: Callable[[], bool], what: str) -> None:
        """Wait until something is true; its own last words explain a failure."""
        deadline = time.monotonic() + PATIENCE
        while not look():
            assert all(process.poll() is None for process in self._processes), self._last_words()
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s; {self._last_words()}"
            time.sleep(0.1)

    def act(self, action: str, model: Model) -> None:
        """Do what Argo CD's server does for an action: patch a model by the difference that its script makes."""
        live = model.get()
        script = (ACTIONS / action / "action.lua").read_text()
        (changed,) = lua(self.program, [{"kind": "action", "script": script, "object": live}])
        annotations = changed["metadata"]["annotations"]
        assert changed == {**live, "metadata": {**live["metadata"], "annotations": annotations}}
        patch = json.dumps({"metadata": {"annotations": annotations}})
        model.kubectl("patch", "modeldeployment", model.name, "--type=merge", "--patch", patch)

    def _served(self) -> set[str]:
        return set(self.site.kubectl("api-resources", f"--api-group={GROUP}", "--output=name").split())

    def _setting(self, path: Path) -> Manifest:
        found: Manifest = yaml.safe_load(path.read_text())
        found["metadata"]["namespace"] = self.namespace
        if found["metadata"]["name"] == "argocd-cm":
            ours = yaml.safe_load((GITOPS / "argocd" / "argocd-cm.yaml").read_text())["data"]
            found["data"] = {**found.get("data", {}), **ours, "application.resourceTrackingMethod": TRACKING}
        if found["metadata"]["name"] == "argocd-secret":
            found["stringData"] = {"server.secretkey": uuid.uuid4().hex}
        return found

    def _project(self) -> Manifest:
        return {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": self.namespace},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }

    def _run(self, *arguments: str) -> None:
        tools = self.home / "bin"
        tools.mkdir(exist_ok=True)
        (tools / "kustomize").write_text(KUSTOMIZE.format(kubectl=self.site.bin / "kubectl"))
        (tools / "kustomize").chmod(0o755)
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "KUBECONFIG": str(self.site.kubeconfig),
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_TLS_DATA_PATH": str(self.home / "tls"),
            "ARGOCD_SSH_DATA_PATH": str(self.home / "ssh"),
            "ARGOCD_ASK_PASS_SOCK": str(self.home / "ask-pass.sock"),
        }
        with (self.home / f"{arguments[0]}.log").open("wb") as log:
            command = [str(self.program), *arguments]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.home))

    def _answers(self, address: str) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/healthz", timeout=2) as got:
            return bool(got.status == 200)
        return False

    def _last_words(self) -> str:
        kept = {key: self.history.last.get(key) for key in ("sync", "health", "conditions", "operationState")}
        logs = (path.read_text(errors="replace")[-1500:] for path in sorted(self.home.glob("argocd-*.log")))
        return f"the application is {json.dumps(kept)[:3000]}; {' / '.join(logs)}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
