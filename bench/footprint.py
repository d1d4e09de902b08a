"""Memory of the operator with ten ModelDeployments, one of them in a rollout, and the size of the CRD.

Real cluster. Run by `make bench-footprint`; the figures are in bench/results/footprint.json.
"""

import json
import os
import re
import time
import uuid
from pathlib import Path
from typing import Any

from demo import images, install
from demo.install import SYSTEM
from demo.site import ROOT, Site, bring_up
from scenarios.stand import Model

RESULTS = Path(__file__).parent / "results" / "footprint.json"
MODELS = 10
SETTLE = 60.0
SPEC: dict[str, Any] = {
    "replicas": 1,
    "runtime": {"resources": {"requests": {"cpu": "1m", "memory": "32Mi"}}},
    "rollout": {"steps": [{"weight": 10, "minDuration": "10m"}]},
}


def operator_metric(site: Site, name: str) -> float:
    """Read one of the own metrics of the operator that leads."""
    listed = site.kubectl("-n", SYSTEM, "get", "pods", "--output=jsonpath={.items[*].metadata.name}").split()
    texts = (
        site.kubectl("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:9090/proxy/metrics") for pod in listed
    )
    text = next(text for text in texts if "\nserinus_leads 1.0" in text)
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def main() -> None:
    """Run, print and keep the figures."""
    site = bring_up(os.environ.get("CLUSTER_NAME", "serinus"))
    images.load(site.name, [images.operator(), images.flask(1), images.flask(2)])
    install.chart(site)
    names = [f"bench-{uuid.uuid4().hex[:6]}" for _ in range(MODELS)]
    models = [Model(site, name, host=f"{name}.example.com") for name in names]
    try:
        for model in models:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": model.namespace}}
            install.apply(site, namespace)
            model.apply("flask/v1.yaml", **SPEC)
        for model in models:
            model.wait_stable(patience=300)
        models[0].apply("flask/v2-broken.yaml", **SPEC)
        models[0].wait_phase("Preparing")
        before = operator_metric(site, "process_cpu_seconds_total")
        time.sleep(SETTLE)
        used = operator_metric(site, "process_cpu_seconds_total") - before
        figures = {
            "command": "make bench-footprint",
            "ModelDeployments": MODELS,
            "operator resident MiB": round(operator_metric(site, "process_resident_memory_bytes") / 2**20, 1),
            "operator cores while one of them is prepared": round(used / SETTLE, 3),
            "CRD bytes": (ROOT / "crds" / "serinus.dev_modeldeployments.yaml").stat().st_size,
        }
    finally:
        for name in names:
            site.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
