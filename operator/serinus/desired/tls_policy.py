"""The BackendTLSPolicy of a revision: how the gateway speaks to pods that answer HTTPS."""

from typing import Any

from serinus.api.protocol import Protocol
from serinus.api.runtime import Tls
from serinus.desired import labels, names, owner

Manifest = dict[str, Any]


def tls_policy(name: str, namespace: str, revision: str, tls: Tls, service: owner.Owner) -> Manifest:
    """Return the policy for the Service of a revision, with which it goes.

    A policy names its Services one by one, and a revision's has a name of its own: no
    policy that a person writes could hold for the next one.
    """
    if tls.ca:
        reference = {"group": "", "kind": tls.ca.kind or "ConfigMap", "name": tls.ca.name}
        trusted: Manifest = {"caCertificateRefs": [reference]}
    else:
        trusted = {"wellKnownCACertificates": "System"}
    target = {"group": "", "kind": "Service", "name": service.name, "sectionName": Protocol.HTTP.port_name}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {
            "name": names.of_revision(name, revision),
            "namespace": namespace,
            "labels": labels.child(name, revision),
            "ownerReferences": owner.references(service),
        },
        "spec": {"targetRefs": [target], "validation": {"hostname": tls.hostname, **trusted}},
    }
