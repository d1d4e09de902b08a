"""What is around a Deployment: its size, and the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]
_SUFFIX = "Utilization"


def size(deployment: Manifest, autoscalers: Sequence[Manifest], notes: list[str]) -> Manifest:
    """Return `replicas`, or `autoscaling` where an autoscaler decides."""
    name = deployment["metadata"]["name"]
    own = next((one for one in autoscalers if _targets(one, name)), None)
    if own is None:
        return {"replicas": deployment["spec"].get("replicas", 1)}
    spec = own["spec"]
    aims: Manifest = {}
    for metric in spec.get("metrics") or []:
        part = metric.get("resource") or metric.get("containerResource") or {}
        percent = (part.get("target") or {}).get("averageUtilization")
        if percent and part.get("name") in {"cpu", "memory"}:
            aims[f"{part['name']}{_SUFFIX}"] = percent
        else:
            notes.append(
                f"Left out: the autoscaler's metric of type {metric.get('type')}; CPU and memory by percent are known"
            )
    if not aims:
        notes.append(f"Left out: the autoscaler {own['metadata']['name']}, which scales by nothing that is known")
        return {"replicas": max(1, deployment["spec"].get("replicas", 1))}
    behavior = {"behavior": spec["behavior"]} if spec.get("behavior") else {}
    least = {"minReplicas": spec.get("minReplicas", 1), "maxReplicas": spec["maxReplicas"]}
    return {"autoscaling": {**least, **aims, **behavior}}


def _targets(autoscaler: Manifest, name: str) -> bool:
    target = autoscaler["spec"]["scaleTargetRef"]
    return bool(target.get("kind") == "Deployment" and target.get("name") == name)


def route(services: Sequence[Manifest], routes: Sequence[Manifest], notes: list[str]) -> Manifest:
    """Return `route` where HTTPRoutes lead to the Services; what it cannot hold is a note."""
    names = {service["metadata"]["name"] for service in services}
    found = [one for one in routes if names & set(_backends(one))]
    if not found:
        if names:
            notes.append(
                f"No HTTPRoute leads to Service {', '.join(sorted(names))}: without `route` the pods' number splits traffic"
            )
        return {}
    spec = found[0]["spec"]
    if len(found) > 1 or len(spec.get("rules") or []) > 1:
        notes.append("Several routes or rules lead here, `route` holds the first: compare hosts and paths")
    parent = (spec.get("parentRefs") or [{}])[0]
    namespace = parent.get("namespace")
    rule = (spec.get("rules") or [{}])[0]
    matches = rule.get("matches") or []
    paths = [match["path"]["value"] for match in matches if (match.get("path") or {}).get("type") == "PathPrefix"]
    if rule.get("filters") or any(set(match) - {"path"} for match in matches) or len(paths) < len(matches):
        notes.append("Left out: filters and matches of the route other than path prefixes, which `route` does not know")
    made: Manifest = {"gateway": f"{namespace}/{parent['name']}" if namespace else parent.get("name", "")}
    if spec.get("hostnames"):
        made["hostnames"] = spec["hostnames"]
    if paths and paths != ["/"]:
        made["paths"] = paths
    if timeout := (rule.get("timeouts") or {}).get("request"):
        made["timeout"] = timeout
    return {"route": made}


def _backends(one: Manifest) -> list[str]:
    return [str(ref.get("name")) for rule in one["spec"].get("rules") or [] for ref in rule.get("backendRefs") or []]
