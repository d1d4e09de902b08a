"""CLUSTER=current: a cluster that the person has, by a context that was named.

Whatever is there already is left alone. The context is copied into a
kubeconfig that holds it and nothing else, so nothing can reach another one.
"""

import os
from dataclasses import dataclass

from cluster import addons, cache, daemon, programs
from cluster.console import ClusterError, run, say, step

UNNAMED = "CLUSTER=current changes a cluster of yours: name it with CONTEXT=<kubectl context>"
CRDS = "customresourcedefinition/gateways.gateway.networking.k8s.io"


@dataclass(frozen=True)
class Current:
    """A cluster that is not ours, by the name of its context."""

    context: str

    @staticmethod
    def named(context: str | None) -> "Current":
        """The context, refused when none was named or none of that name exists."""
        if not context:
            raise ClusterError(UNNAMED, code=2)
        known = run([programs.built("kubectl"), "config", "get-contexts", "--output=name"])
        if context not in known.split():
            found = ", ".join(known.split()) or "none"
            raise ClusterError(f"there is no kubectl context {context!r}; found: {found}", code=2)
        return Current(context)

    @property
    def target(self) -> addons.Target:
        """The context alone, in a kubeconfig of our own."""
        path = cache.folder("contexts", cache.digest([self.context])) / "kubeconfig"
        view = ["config", "view", "--raw", "--minify", "--flatten", "--context", self.context]
        path.touch(mode=0o600)
        path.write_text(run([programs.built("kubectl"), *view]))
        return addons.Target(path, self.context)

    def up(self) -> None:
        """Say what is there and install what is not."""
        target = self.target
        target.kubectl("get", "namespaces")
        gateways = _found(target, "gateways")
        if gateways:
            say(f"found the gateways {', '.join(gateways)}: nothing to install")
        elif target.has(CRDS):
            say("found the Gateway API but no Gateway: make one of your class, then route to it")
        else:
            with step("found no Gateway API: installing Envoy Gateway"):
                addons.install_gateway(target)
        servers = _found(target, "services", "--field-selector=metadata.name=prometheus")
        servers = servers or _found(target, "services", "-l", "app.kubernetes.io/name=prometheus")
        if servers:
            say(f"found Prometheus at {', '.join(servers)}: nothing to install")
        else:
            with step("found no Prometheus: installing one"):
                addons.install_prometheus(target)
        if target.has(addons.METRICS_API):
            say("found the metrics API: nothing to install")
        else:
            with step("found no metrics API: installing metrics-server"):
                addons.install_metrics_server(target)

    def info(self) -> dict[str, str]:
        """The same answer as for a cluster of ours; its owner says where it is reached."""
        target = self.target
        return {
            "name": self.context,
            "kubeconfig": str(target.kubeconfig),
            "context": self.context,
            "gatewayUrl": os.environ.get("GATEWAY_URL", ""),
            "prometheusUrl": os.environ.get("PROMETHEUS_URL", ""),
            "dockerHost": daemon.host(),
            "bin": str(programs.client_folder()),
        }


def _found(target: addons.Target, kind: str, *selection: str) -> list[str]:
    """namespace/name of every object of a kind; none where the kind is unknown."""
    names = "{range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"
    try:
        listed = target.kubectl("get", kind, "--all-namespaces", *selection, f"--output=jsonpath={names}")
    except ClusterError:
        return []
    return listed.split()
