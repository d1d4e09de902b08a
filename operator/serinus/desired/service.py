"""Services: one per revision for the gateway, and one constant name for callers in the cluster."""

from collections.abc import Collection, Sequence
from typing import Any

from serinus.api.protocol import Protocol
from serinus.desired import labels, names, owner

Manifest = dict[str, Any]
PORTS = {Protocol.HTTP: 80, Protocol.GRPC: 8081}
"""The port of every Service for each protocol."""
_APP_PROTOCOLS = {Protocol.HTTP: "http", Protocol.GRPC: "kubernetes.io/h2c"}


def of_revision(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    name: str,
    namespace: str,
    revision: str,
    protocols: Collection[Protocol],
    parent: owner.Owner,
    routes: Sequence[owner.Owner],
    *,
    tls: bool = False,
) -> Manifest:
    """Return the Service of one revision; it must outlive the routes that point at it.

    `tls` tells that its pods answer HTTPS.
    """
    own, selector = labels.child(name, revision), labels.selector(name, revision)
    return _service(names.of_revision(name, revision), namespace, own, selector, protocols, parent, routes, tls=tls)


def constant(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    name: str,
    namespace: str,
    revision: str | None,
    protocols: Collection[Protocol],
    parent: owner.Owner,
    routes: Sequence[owner.Owner],
    *,
    tls: bool = False,
) -> Manifest:
    """Return the Service with the model's own name.

    It selects the pods of one revision, or with None those of all live ones: a split by
    the number of pods.
    """
    own, selector = labels.child(name), labels.selector(name, revision)
    return _service(name, namespace, own, selector, protocols, parent, routes, tls=tls)


def _service(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    service: str,
    namespace: str,
    own: labels.Labels,
    selector: labels.Labels,
    protocols: Collection[Protocol],
    parent: owner.Owner,
    routes: Sequence[owner.Owner],
    *,
    tls: bool = False,
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service,
            "namespace": namespace,
            "labels": own,
            "ownerReferences": owner.references(parent, *routes),
        },
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [_port(protocol, tls=tls) for protocol in Protocol if protocol in protocols],
        },
    }


def _port(protocol: Protocol, *, tls: bool) -> Manifest:
    return {
        "name": protocol.port_name,
        "port": PORTS[protocol],
        "targetPort": protocol.port_name,
        "protocol": "TCP",
        "appProtocol": "https" if tls and protocol is Protocol.HTTP else _APP_PROTOCOLS[protocol],
    }
