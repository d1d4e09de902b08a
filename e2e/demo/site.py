"""The cluster that the demo runs on, made and described by the cluster tool."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.trouble import Trouble
from load import Target, TargetRefusedError

ROOT = Path(__file__).parents[2]
END = 20


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything is."""

    name: str
    kubeconfig: Path
    context: str
    gateway_url: str
    prometheus_url: str
    docker_host: str
    bin: Path
    own: bool = True
    """Made here, so images can be loaded and all of it can be removed again."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl against this cluster and no other."""
        where = ("--kubeconfig", str(self.kubeconfig), "--context", self.context)
        return run([str(self.bin / "kubectl"), *where, *arguments], stdin=stdin)

    def helm(self, *arguments: str) -> str:
        """Run helm against this cluster and no other."""
        where = ("--kubeconfig", str(self.kubeconfig), "--kube-context", self.context)
        return run([str(self.bin / "helm"), *where, *arguments])


def bring_up(name: str) -> Site:
    """Bring the cluster up. The tool says what it does, and what it lacks.

    CLUSTER=current with CONTEXT takes a cluster of one's own instead of making one.
    """
    own = os.environ.get("CLUSTER") != "current"
    context = os.environ.get("CONTEXT", "")
    which = ("--name", name) if own else ("--current", *(("--context", context) if context else ()))
    cluster("up", *which)
    known = json.loads(cluster("info", *which, quiet=True))
    try:
        Target(known["gatewayUrl"], "")
    except TargetRefusedError as refused:
        raise Trouble(
            f"{refused}; forward your gateway to this machine (kubectl port-forward) and set GATEWAY_URL", 2
        ) from refused
    return Site(
        name=name,
        kubeconfig=Path(known["kubeconfig"]),
        context=known["context"],
        gateway_url=known["gatewayUrl"],
        prometheus_url=known.get("prometheusUrl", ""),
        docker_host=known.get("dockerHost", "") if own else "",
        bin=Path(known["bin"]),
        own=own,
    )


def cluster(*arguments: str, quiet: bool = False) -> str:
    """Run the cluster tool; its own words have reached the terminal already when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "e2e")}
    done = subprocess.run(
        [sys.executable, "-m", "cluster", *arguments],
        env=environment,
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble("", done.returncode)
    return done.stdout or ""


def run(command: Sequence[str], *, stdin: str | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a command to its end and return what it wrote; its last lines explain a failure."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise Trouble(f"{command[0]}: not found on this machine") from error
    if done.returncode:
        written = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-END:])
        raise Trouble(f"`{' '.join(command)[:300]}` ended with status {done.returncode}:\n{written}")
    return done.stdout
