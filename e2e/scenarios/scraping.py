"""A Prometheus that looks more often than the local cluster's does: a step passes after some scrapes, so that rollouts waited for it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import addons
from demo import install
from demo.site import Site

SHORT = {"scrape_interval: 5s": "scrape_interval: 2s", "scrape_timeout: 4s": "scrape_timeout: 2s"}
MONITORING = ("--namespace", "monitoring")
NAME = "prometheus-often"


@contextmanager
def often(site: Site) -> Iterator[None]:
    """Scrape a cluster of ours every 2 s for as long as the block lasts; somebody else's is left as it is."""
    if not site.own:
        yield
        return
    text = (addons.MANIFESTS / "prometheus" / "prometheus.yml").read_text()
    for long, short in SHORT.items():
        assert long in text, f"prometheus.yml says no longer `{long}`"
        text = text.replace(long, short)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {"prometheus.yml": text}}
    volume = {"op": "replace", "path": "/spec/template/spec/volumes/0/configMap/name", "value": NAME}
    try:
        install.apply(site, config, *MONITORING)
        site.kubectl(*MONITORING, "patch", "deployment/prometheus", "--type=json", f"--patch={json.dumps([volume])}")
        site.kubectl(*MONITORING, "rollout", "status", "deployment/prometheus", "--timeout=90s")
        yield
    finally:
        addons.install_prometheus(addons.Target(site.kubeconfig, site.context))
        site.kubectl(*MONITORING, "delete", "configmap", NAME, "--ignore-not-found")
