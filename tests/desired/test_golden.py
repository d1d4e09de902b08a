"""Every builder's manifest, whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from serinus.api.protocol import Protocol
from serinus.api.runtime import Authority, Tls
from serinus.api.v1alpha1 import Autoscaling, Route, Runtime
from serinus.desired import autoscaler, budget, deployment, owner, revision, service, tls_policy
from serinus.desired.model import Pin
from serinus.desired.pod import template
from serinus.desired.serving import Serving
from serinus.traffic.gateway_api import routes
from serinus.traffic.split import Split

from .catalogued import CATALOGUE, serving
from .golden import check, names

NAME, NAMESPACE, OLD, NEW = "recommender", "models", "aaaaaaaaaa", "bbbbbbbbbb"
HTTP, GRPC = Protocol.HTTP, Protocol.GRPC
PARENT = owner.model(NAME, "uid-model")
KEEPER = owner.namespace(NAMESPACE, "uid-namespace")
ROUTE_OWNER = owner.Owner("gateway.networking.k8s.io/v1", "HTTPRoute", NAME, "uid-route")
GRPC_OWNER = owner.Owner("gateway.networking.k8s.io/v1", "GRPCRoute", NAME, "uid-grpc-route")
SERVICE_OWNER = owner.Owner("v1", "Service", f"{NAME}-{OLD}", "uid-service")

MINIMAL: dict[str, Any] = {"image": "registry.example.com/recommender:1.4.0", "port": 8000}
GRPC_ONLY: dict[str, Any] = {"image": "registry.example.com/recommender:1.4.0", "grpcPort": 9000}
HOST = f"{NAME}.{NAMESPACE}.svc"
FULL: dict[str, Any] = {
    **MINIMAL,
    "command": ["serve"],
    "args": ["--workers", "2"],
    "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}],
    "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}},
    "probes": {
        "readiness": {"httpGet": {"path": "/ready", "port": "http"}},
        "liveness": {"httpGet": {"path": "/live", "port": "http"}},
        "startup": {"tcpSocket": {"port": "http"}, "failureThreshold": 60},
    },
    "configMaps": [{"name": "features", "mountPath": "/etc/features"}, {"name": "flags"}],
    "metrics": {
        "port": 9100,
        "path": "/stats",
        "requests": "answers_total",
        "statusLabel": "code",
        "errors": "5..|429",
    },
    "podTemplate": {
        "metadata": {"labels": {"team": "search"}, "annotations": {"prometheus.io/scrape": "false"}},
        "spec": {
            "nodeSelector": {"gpu": "true"},
            "terminationGracePeriodSeconds": 120,
            "securityContext": {"runAsUser": 1000, "fsGroup": None},
            "containers": [
                {"name": "model", "lifecycle": None, "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]},
                {"name": "proxy", "image": "proxy:1"},
            ],
            "volumes": [{"name": "cache", "emptyDir": {}}],
        },
    },
}
CONFIG_MAPS = {"features": {"data": {"a.json": "{}"}}, "flags": {"data": {"FAST": "1"}, "binaryData": {"b": "AA=="}}}
AUTOSCALING = Autoscaling(min_replicas=2, max_replicas=9, cpu_utilization=70)
TUNED = Autoscaling(
    max_replicas=9,
    cpu_utilization=70,
    memory_utilization=80,
    behavior={"scaleDown": {"stabilizationWindowSeconds": 60}},
)
ROUTE = Route(gateway="infra/public", hostnames=["recommender.example.com"], paths=["/v1", "/v2"], timeout=90.0)


def made(raw: dict[str, Any], contents: dict[str, Any], number: int = 1) -> revision.Revision:
    return revision.create(NAME, revision.Origin(raw, contents), Serving(Runtime.model_validate(raw)), number)


def route(split: Split, wanted: Route = ROUTE) -> dict[str, Any]:
    (made,) = both(split, wanted, [HTTP])
    return made


def both(split: Split, wanted: Route = ROUTE, protocols: Sequence[Protocol] = (GRPC, HTTP)) -> list[dict[str, Any]]:
    return list(routes(NAME, NAMESPACE, wanted, protocols, split, PARENT, KEEPER).values())


FULL_REVISION = made(FULL, CONFIG_MAPS, 3)
STORED = revision.Revision(FULL_REVISION.hash, {}, CONFIG_MAPS, None, uid="uid-revision")
MODEL: dict[str, Any] = {
    "uri": "models:/churn/7",
    "format": "sklearn",
    "gitCommit": "0123abc",
    "dataVersion": "md5:1234",
    "digest": "sha256:" + "0" * 64,
    "maxSize": "500Mi",
    "secretRef": {"name": "registry"},
}
LOGGED: dict[str, Any] = {
    "predictionLog": {
        "sample": 0.1,
        "sink": "http://sink.logs/events",
        "batch": True,
        "stdout": True,
        "redact": ["age", "e-mail"],
        "maxBytes": 65536,
    }
}
SERVED = serving({"model": MODEL}, NAME, version="7")
ORIGIN = revision.Origin({}, {}, MODEL, Pin("models:/churn/7", "7"))


def catalogued(name: str) -> dict[str, Any]:
    """Return the pod of a runtime as its first format, or with an image of its own."""
    entry = CATALOGUE.runtimes[name]
    image = {} if entry.image else {"image": "registry.example.com/own:1"}
    model = {"model": {"uri": "s3://models/churn", "format": next(iter(entry.formats))}} if entry.formats else {}
    return template(NAME, OLD, serving({"runtime": {"name": name, **image}, **model}, NAME))


MANIFESTS = {
    **{f"runtime-{name}": catalogued(name) for name in CATALOGUE.runtimes},
    "model-image": template(
        NAME, OLD, serving({"model": {"uri": "oci://registry.example.com/churn:7", "format": "onnx"}}, NAME)
    ),
    "model-claim": template(NAME, OLD, serving({"model": {"uri": "pvc://models/churn/7", "format": "onnx"}}, NAME)),
    "logged-by-itself": template(
        NAME, OLD, serving({"model": {"uri": "s3://a/b", "format": "onnx"}, "runtime": LOGGED}, NAME)
    ),
    "logged-by-a-sidecar": template(NAME, OLD, serving({"runtime": {**FULL, **LOGGED, "podTemplate": {}}}, NAME)),
    "revision-model": revision.manifest(NAME, NAMESPACE, revision.create(NAME, ORIGIN, SERVED, 1), PARENT, {}),
    "pod-minimal": template(NAME, OLD, Serving(Runtime.model_validate(MINIMAL))),
    "pod-grpc": template(NAME, OLD, Serving(Runtime.model_validate(GRPC_ONLY))),
    "pod-both-protocols": template(NAME, OLD, Serving(Runtime.model_validate({**MINIMAL, "grpcPort": 9000}))),
    "pod-full": template(NAME, OLD, Serving(Runtime.model_validate(FULL))),
    "deployment": deployment.deployment(NAME, NAMESPACE, made(MINIMAL, {}), PARENT, SERVICE_OWNER),
    "autoscaler": autoscaler.autoscaler(NAME, NAMESPACE, OLD, PARENT, AUTOSCALING, 2),
    "autoscaler-full": autoscaler.autoscaler(NAME, NAMESPACE, OLD, PARENT, TUNED, 6),
    "disruption-budget": budget.disruption_budget(NAME, NAMESPACE, OLD, PARENT),
    "service-of-revision": service.of_revision(NAME, NAMESPACE, OLD, [HTTP], PARENT, [ROUTE_OWNER]),
    "service-of-both-protocols": service.of_revision(
        NAME, NAMESPACE, OLD, [GRPC, HTTP], PARENT, [ROUTE_OWNER, GRPC_OWNER]
    ),
    "service-constant": service.constant(NAME, NAMESPACE, OLD, [HTTP], PARENT, [ROUTE_OWNER]),
    "service-constant-of-all": service.constant(NAME, NAMESPACE, None, [HTTP], PARENT, []),
    "service-constant-grpc": service.constant(NAME, NAMESPACE, OLD, [GRPC], PARENT, [GRPC_OWNER]),
    "service-encrypted": service.of_revision(NAME, NAMESPACE, OLD, [GRPC, HTTP], PARENT, [ROUTE_OWNER], tls=True),
    "tls-policy": tls_policy.tls_policy(NAME, NAMESPACE, OLD, Tls(hostname=HOST), SERVICE_OWNER),
    "tls-policy-own-authority": tls_policy.tls_policy(
        NAME, NAMESPACE, OLD, Tls(hostname=HOST, ca=Authority(name="recommender-ca")), SERVICE_OWNER
    ),
    "revision-minimal": revision.manifest(NAME, NAMESPACE, made(MINIMAL, {}), PARENT, MINIMAL),
    "revision-full": revision.manifest(NAME, NAMESPACE, FULL_REVISION, PARENT, FULL),
    "revision-config-maps": revision.copies(NAMESPACE, NAME, STORED),
    "route-one-revision-slot-0": route(Split(OLD, "", 0, 0)),
    "route-one-revision-slot-1": route(Split(OLD, "", 0, 1)),
    "route-two-revisions-slot-0": route(Split(OLD, NEW, 5, 0)),
    "route-two-revisions-slot-1": route(Split(OLD, NEW, 95, 1)),
    "route-closed": route(Split(OLD, "", 0, 0, closed=True)),
    "route-grpc": both(Split(OLD, NEW, 5, 0), protocols=[GRPC]),
    "route-both-protocols": both(Split(OLD, NEW, 5, 0, warm=True)),
    "route-both-protocols-closed": both(Split(OLD, "", 0, 0, closed=True)),
    "route-minimal": route(Split(OLD, "", 0, 0), Route(gateway="public")),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_builder_makes_what_is_on_file(name: str) -> None:
    check(name, MANIFESTS[name])


def test_no_golden_file_is_left_over() -> None:
    assert names() == set(MANIFESTS)
