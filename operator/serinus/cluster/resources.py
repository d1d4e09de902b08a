"""Which path of the API each kind lives at."""

from dataclasses import dataclass

from serinus.api.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of the Kubernetes API."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True
    optional: bool = False
    """A cluster may do without the kind: then there are none."""

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of a collection, an object or its subresource."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (f"{root}{middle}/{self.plural}", name, subresource) if part)


MODEL_DEPLOYMENT = Resource("serinus.dev/v1alpha1", "ModelDeployment", "modeldeployments")
CONTROLLER_REVISION = Resource("apps/v1", "ControllerRevision", "controllerrevisions")
DEPLOYMENT = Resource("apps/v1", "Deployment", "deployments")
SERVICE = Resource("v1", "Service", "services")
CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")
POD = Resource("v1", "Pod", "pods")
EVENT = Resource("v1", "Event", "events")
ENDPOINT_SLICE = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
HTTP_ROUTE = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
GRPC_ROUTE = Resource("gateway.networking.k8s.io/v1", "GRPCRoute", "grpcroutes")
TLS_POLICY = Resource("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "backendtlspolicies", optional=True)
AUTOSCALER = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DISRUPTION_BUDGET = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
GATEWAY = Resource("gateway.networking.k8s.io/v1", "Gateway", "gateways")
GATEWAY_CLASS = Resource("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses", namespaced=False)
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
ROUTES = {Protocol.HTTP: HTTP_ROUTE, Protocol.GRPC: GRPC_ROUTE}
"""The kind of route for each protocol."""

_KINDS = {
    (resource.api_version, resource.kind): resource
    for resource in (
        CONTROLLER_REVISION,
        DEPLOYMENT,
        SERVICE,
        CONFIG_MAP,
        *ROUTES.values(),
        TLS_POLICY,
        AUTOSCALER,
        DISRUPTION_BUDGET,
    )
}


def of(manifest: dict[str, object]) -> Resource:
    """Return the resource of a manifest that the operator writes."""
    return _KINDS[str(manifest["apiVersion"]), str(manifest["kind"])]
