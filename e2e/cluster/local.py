"""A kind cluster of ours: made, found, described and removed by its name."""

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import addons, cache, daemon, programs, standins
from cluster.console import ClusterError, run, say, step

GATEWAY_PORT = 30080
PROMETHEUS_PORT = 30090
ANSWER_SECONDS = 180


@dataclass(frozen=True)
class Local:
    """A kind cluster by name; everything about it follows from the name."""

    name: str

    @property
    def node(self) -> str:
        """The container that is the one node."""
        return f"{self.name}-control-plane"

    @property
    def target(self) -> addons.Target:
        """A kubeconfig of our own, so that the person's is never touched."""
        return addons.Target(self._folder / "kubeconfig", f"kind-{self.name}")

    @property
    def _folder(self) -> Path:
        return cache.root() / "clusters" / self.name

    @staticmethod
    def names() -> list[str]:
        """The clusters that were made here and not removed."""
        return sorted(path.name for path in cache.folder("clusters").iterdir())

    def require(self) -> None:
        """Fail unless the cluster is there."""
        if not daemon.find() or not self.exists():
            raise ClusterError(f"no cluster {self.name} here: `make cluster-up` makes one")

    def exists(self) -> bool:
        """Whether the node is there, running or not."""
        named = ["--all", "--quiet", "--filter", f"name=^{self.node}$"]
        return bool(run(["docker", "ps", *named]).strip())

    def up(self) -> None:
        """Make the cluster, or start it again, and bring its add-ons up to date."""
        daemon.ensure()
        programs.client_folder()
        with cache.lock(f"cluster-{self.name}"):
            self._clear_the_way()
            if not self.exists():
                self._create()
            elif not self._runs():
                with step(f"starting the cluster {self.name} again"):
                    run(["docker", "start", self.node])
            self._write_kubeconfig()
            addons.wait_for_api(self.target)
            if not addons.current(self.target):
                self._complete()
                addons.install(self.target)
            gateway, prometheus = self._url(GATEWAY_PORT), self._url(PROMETHEUS_PORT)
            _wait_for(gateway)
            _wait_for(f"{prometheus}/-/ready")
        say(f"the cluster {self.name} is up: gateway {gateway}, Prometheus {prometheus}")

    def down(self) -> None:
        """Remove the cluster and its kubeconfig; fine when there is none."""
        with cache.lock(f"cluster-{self.name}"):
            if not self._folder.exists():
                say(f"there is no cluster {self.name} of ours")
                return
            daemon.ensure()
            if self.exists():
                with step(f"removing the cluster {self.name}"):
                    self._kind("delete", "cluster")
            cache.remove(self._folder)

    def info(self) -> dict[str, str]:
        """What a test or a demo needs to use the cluster."""
        self.require()
        return {
            "name": self.name,
            "kubeconfig": str(self.target.kubeconfig),
            "context": self.target.context,
            "gatewayUrl": self._url(GATEWAY_PORT),
            "prometheusUrl": self._url(PROMETHEUS_PORT),
            "dockerHost": daemon.host(),
            "bin": str(programs.client_folder()),
        }

    def containerd(self, *arguments: str) -> str:
        """Ask the node's image store."""
        ctr = ["ctr", "--namespace", "k8s.io", "images"]
        return run(["docker", "exec", self.node, *ctr, *arguments])

    def take(self, images: Sequence[str]) -> None:
        """Copy images from Docker into the node, without a file in between."""
        taking = ["docker", "exec", "--interactive", self.node, "ctr", "--namespace", "k8s.io"]
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            run([*taking, "images", "import", "-"], stdin=saving.stdout)
        if saving.returncode:
            raise ClusterError(f"docker save {' '.join(images)} failed")

    def _complete(self) -> None:
        """Bring add-on images that the node lacks; a node that was pulled pulls them itself."""
        listed = self.containerd("list", "--quiet").split()
        missing = [name for name in standins.ADDONS if name not in listed]
        if missing and not standins.ensure(standins.NODE):
            standins.ensure(standins.METRICS_SERVER)
            self.take(missing)

    def _clear_the_way(self) -> None:
        """Leave alone a namesake that is not ours, remove what a killed run left half made."""
        if not self.exists():
            return
        if not self._folder.exists():
            raise ClusterError(
                f"a kind cluster {self.name} is there that was not made here: choose another name with --name", code=2
            )
        if not self.target.kubeconfig.exists():
            with step(f"removing the half-made cluster {self.name}"):
                self._kind("delete", "cluster")

    def _create(self) -> None:
        published = standins.ensure(standins.NODE)
        kubeconfig = cache.folder("clusters", self.name) / "kubeconfig"
        config = cache.HERE / "kind" / ("published.yaml" if published else "stand-in.yaml")
        with step(f"making the cluster {self.name}", "20 s"):
            self._kind(
                "create", "cluster", "--image", standins.NODE, "--config", config,
                "--kubeconfig", kubeconfig,
            )  # fmt: skip

    def _write_kubeconfig(self) -> None:
        """Write it again: a daemon that restarted may have moved the port."""
        text = run([programs.built("kind"), "get", "kubeconfig", "--name", self.name])
        path = self.target.kubeconfig
        if not path.exists() or path.read_text() != text:
            path.touch(mode=0o600)
            path.write_text(text)

    def _runs(self) -> bool:
        state = run(["docker", "inspect", "--format", "{{.State.Running}}", self.node])
        return state.strip() == "true"

    def _kind(self, *arguments: str | Path) -> None:
        log = cache.log(f"kind-{self.name}")
        run([programs.built("kind"), *arguments, "--name", self.name], log=log)

    def _url(self, port: int) -> str:
        """Where the host reaches a port of the node: the kernel chose it."""
        address = run(["docker", "port", self.node, f"{port}/tcp"]).split()
        return f"http://{address[0]}" if address else ""


def _wait_for(url: str) -> None:
    """Wait until a server answers from where its callers are, whatever it says."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - a loopback URL of ours
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return
        except OSError:
            pass
        else:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"{url} does not answer")
        time.sleep(0.5)
