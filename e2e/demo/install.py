"""The operator by its chart, and the namespace that the demo plays in."""

import json
import os
from collections.abc import Mapping
from typing import Any

import yaml

from demo import images
from demo.site import ROOT, Site
from demo.trouble import Trouble

RELEASE = "serinus"
SYSTEM = "serinus-system"
NAMESPACE = "demo"
OURS = "serinus.dev/demo"
PROMETHEUS = os.environ.get("PROMETHEUS_ADDRESS", "http://prometheus.monitoring.svc:9090")
"""Where the operator asks, inside the cluster."""
EXAMPLES = ROOT / "examples" / "recommender"
OVERLAY = ROOT / "e2e" / "demo" / "rollout.yaml"
Manifest = dict[str, Any]


def chart(site: Site, annotations: Mapping[str, str] | None = None, **more: Any) -> None:
    """Install or upgrade the operator under the restricted Pod Security Standard, its pod with these annotations, with more of the chart's values, and wait until it runs."""
    marks = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": marks}})
    image = images.operator()
    repository, _, tag = image.tag.rpartition(":")
    values = {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "prometheus": {"address": PROMETHEUS},
        # The tag is fixed, so an image that was built anew would otherwise not be started.
        "podAnnotations": {"serinus.dev/image": images.identity(site, image), **(annotations or {})},
        **more,
    }
    site.helm(
        "upgrade", "--install", RELEASE, str(ROOT / "charts" / "serinus"),
        "--namespace", SYSTEM,
        "--set-json", json.dumps(values),
        "--wait=legacy", "--timeout", "120s",
    )  # fmt: skip


def namespace(site: Site) -> None:
    """Start from an empty namespace of ours; one that somebody else made is left alone."""
    labels = site.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "--output=jsonpath={.metadata.labels}")
    if labels and OURS not in labels:
        raise Trouble(f"the namespace {NAMESPACE} is there already and was not made by this demo: remove it first")
    if labels:
        site.kubectl("delete", "namespace", NAMESPACE, "--wait", "--timeout=180s")
    marks = {OURS: "true", "pod-security.kubernetes.io/enforce": "restricted"}
    apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": marks}})


def model(version: int) -> Manifest:
    """Return an example manifest with the demo's overlay laid over its spec."""
    manifest: Manifest = yaml.safe_load((EXAMPLES / f"v{version}.yaml").read_text())
    overlay: Manifest = yaml.safe_load(OVERLAY.read_text())
    return {**manifest, "spec": merge(manifest["spec"], overlay)}


def merge(base: Manifest, over: Manifest) -> Manifest:
    """Lay one mapping over another; only mappings merge, all else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = merge(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def apply(site: Site, manifest: Manifest, *where: str) -> None:
    """Run `kubectl apply` as a person would."""
    site.kubectl("apply", *where, "--filename=-", stdin=json.dumps(manifest))
