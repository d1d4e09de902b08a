"""Takes the objects of a namespace out of one API server and puts them into another, as an upgrade would find them.

Only what was written is kept: what the operator applied, by the fields that it owns, and
what people wrote. Uids, versions and what the API server fills in are left out.
"""

import json
from typing import Any

from .kube import MERGE, ROOTS, Kube, Manifest, path

OPERATOR, STATUS = "serinus", "serinus-status"
KINDS = (
    "modeldeployments",
    "controllerrevisions",
    "configmaps",
    "httproutes",
    "services",
    "deployments",
    "poddisruptionbudgets",
)
"""An owner before what it owns."""


def take(kube: Kube, namespace: str) -> list[Manifest]:
    """Return what was written into a namespace."""
    return [_written(plural, live) for plural in KINDS for live in kube.find(plural, namespace) if _kept(live)]


def put(kube: Kube, namespace: str, stored: list[Manifest]) -> None:
    """Write stored objects by the names of those who wrote them, owners by their new uids."""
    uids: dict[tuple[str, str], str] = {}
    place = kube.get("namespaces", "", namespace)
    assert place is not None
    for manifest in stored:
        plural, size = manifest["plural"], manifest.get("replicas")
        body = {key: value for key, value in manifest.items() if key not in {"plural", "replicas", "status"}}
        body["metadata"] = {**body["metadata"], "namespace": namespace}
        for owner in body["metadata"].get("ownerReferences", []):
            if owner["kind"] == "Namespace":
                owner |= {"name": namespace, "uid": place["metadata"]["uid"]}
            else:
                owner["uid"] = uids[owner["kind"], owner["name"]]
        ours = body["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == OPERATOR
        made = kube.apply(plural, body, manager=OPERATOR if ours else "person")
        name = made["metadata"]["name"]
        uids[body["kind"], name] = made["metadata"]["uid"]
        if size is not None:
            kube.call("PATCH", path(plural, namespace, name, "scale"), {"spec": {"replicas": size}}, MERGE)
        if "status" in manifest:
            status = {**body, "metadata": {"name": name, "namespace": namespace}, "status": manifest["status"]}
            del status["spec"]
            where = path(plural, namespace, name, "status", fieldManager=STATUS, force="true")
            kube.call("PATCH", where, status, "application/apply-patch+yaml")


def _kept(live: Manifest) -> bool:
    return live["metadata"]["name"] != "kube-root-ca.crt" and "deletionTimestamp" not in live["metadata"]


def _written(plural: str, live: Manifest) -> Manifest:
    metadata = live["metadata"]
    kept = {key: metadata[key] for key in ("name", "labels", "annotations") if metadata.get(key)}
    if plural == "deployments":
        kept.pop("annotations", None)  # the Deployment controller's
    if "ownerReferences" in metadata:
        kept["ownerReferences"] = [
            {key: value for key, value in owner.items() if key != "uid"} for owner in metadata["ownerReferences"]
        ]
    group = ROOTS[plural].removeprefix("/apis/").removeprefix("/api/")
    written: Manifest = {"plural": plural, "apiVersion": group, "kind": _kind(plural), "metadata": kept}
    if plural == "modeldeployments":
        return {**written, "spec": live["spec"], "status": live["status"]}
    if plural in {"controllerrevisions", "configmaps"}:
        return {**written, **{key: live[key] for key in ("revision", "data", "binaryData", "immutable") if key in live}}
    (owned,) = (m["fieldsV1"]["f:spec"] for m in metadata["managedFields"] if m["manager"] == OPERATOR)
    written["spec"] = _owned(live["spec"], owned)
    return written | ({"replicas": live["spec"]["replicas"]} if plural == "deployments" else {})


def _kind(plural: str) -> str:
    special = {
        "modeldeployments": "ModelDeployment",
        "controllerrevisions": "ControllerRevision",
        "configmaps": "ConfigMap",
        "httproutes": "HTTPRoute",
        "poddisruptionbudgets": "PodDisruptionBudget",
    }
    return special.get(plural, plural[:-1].capitalize())


def _owned(live: Any, fields: Manifest) -> Any:
    """Return the part of an object that a set of managed fields covers."""
    if not set(fields) - {"."}:
        return live
    if isinstance(live, list):
        return [_owned(item, own) for item in live for key, own in fields.items() if _is_item(key, item)]
    return {name: _owned(live[name], own) for key, own in fields.items() if (name := key.removeprefix("f:")) in live}


def _is_item(key: str, item: Any) -> bool:
    """Tell whether a key of managed fields, such as `k:{"name":"a"}`, names this item of a list."""
    sign, _, text = key.partition(":")
    if sign == "k":
        return all(item.get(field) == value for field, value in json.loads(text).items())
    return sign == "v" and item == json.loads(text)
