"""The composition root: settings, clients, queue, kopf."""

import asyncio
import contextlib
import logging
import socket
import time
import uuid
from pathlib import Path

import aiohttp
import kopf
from kubernetes.aio.client.api_client import ApiClient
from prometheus_client import start_http_server

from serinus import garbage, handlers
from serinus.cluster import resources
from serinus.cluster.client import PAGE, TIMEOUT, WATCH, ApiError, Cluster
from serinus.cluster.connect import Connection, connect
from serinus.cluster.lease import Alone, Leadership
from serinus.reconcile.children import WATCHED
from serinus.reconcile.echo import Echo
from serinus.reconcile.gateways import Gateways
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.operation import Operation
from serinus.reconcile.queue import Key, Queue
from serinus.reconcile.reconciler import Reconciler
from serinus.reconcile.roster import Roster
from serinus.registry.client import Mlflow
from serinus.registry.watch import Watch
from serinus.rollout.turns import Limits
from serinus.runtimes.loading import Images, load
from serinus.settings import Settings
from serinus.telemetry import logs, metrics

log = logging.getLogger("serinus.app")


async def run(settings: Settings) -> None:
    """Serve until a signal. Whatever ends a part of it ends it all: a restart loses nothing."""
    logs.configure(settings.log_level, settings.log_format)
    connection = await connect(settings.kubeconfig, settings.context)
    api = connection.client(watches=len(WATCHED) * max(1, len(settings.namespaces)))
    server, _ = start_http_server(settings.metrics_port)
    try:
        async with aiohttp.ClientSession() as session:
            namespaces = await _served(Cluster(api), settings.namespaces)
            operation = _operation(settings, namespaces, api, session)
            operation.start()
            try:
                await _watch(settings, namespaces, connection, operation)
            finally:
                await operation.stop()
    finally:
        server.shutdown()
        await api.close()  # type: ignore[no-untyped-call]


def _operation(settings: Settings, namespaces: list[str], api: ApiClient, session: aiohttp.ClientSession) -> Operation:
    """Put the parts together."""
    leadership: Leadership | Alone = Alone()
    if settings.lease_namespace:
        identity = f"{socket.gethostname()}_{uuid.uuid4()}"
        leadership = Leadership(
            Cluster(api), settings.lease_namespace, settings.lease_name, identity, time.monotonic, time.time
        )
    cluster, echo = Cluster(api, leadership.leads), Echo(time.monotonic)
    judges = RolloutJudges(settings, session, time.time)
    images = Images(settings.server_image, settings.server_full_image, settings.storage_image, settings.logger_image)
    catalogue = load(settings.runtimes, images, settings.mlflow_tracking_uri)

    async def wake(key: Key) -> None:
        await queue.add(key)

    registry = Watch(_mlflow(settings, session), settings.mlflow_interval, wake)
    limits = Limits(settings.max_rollouts, settings.max_rollouts_per_namespace)
    gateways, roster = Gateways(cluster, time.monotonic), Roster(limits, wake)
    reconciler = Reconciler(cluster, gateways, judges, catalogue, registry, roster, echo, time.time)
    queue = Queue(reconciler, time.monotonic, _failed, reconciler.hurries)
    metrics.QUEUE_DEPTH.set_function(queue.depth)
    metrics.QUEUE_AGE.set_function(queue.oldest_wait)
    return Operation(cluster, namespaces, leadership, reconciler, queue, echo, settings.workers, time.monotonic)


def _mlflow(settings: Settings, session: aiohttp.ClientSession) -> Mlflow | None:
    """Return the registry's client, if the operator knows a registry."""
    if not settings.mlflow_tracking_uri:
        return None
    credentials = Path(settings.mlflow_credentials) if settings.mlflow_credentials else None
    return Mlflow(session, settings.mlflow_tracking_uri, settings.mlflow_timeout, credentials)


async def _watch(settings: Settings, namespaces: list[str], connection: Connection, operation: Operation) -> None:
    registry, kopf_settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    kopf_settings.posting.enabled = False
    kopf_settings.scanning.disabled = bool(namespaces)
    kopf_settings.watching.server_timeout, kopf_settings.watching.client_timeout = WATCH, WATCH + TIMEOUT
    kopf_settings.watching.chunk_size = PAGE
    kopf_settings.networking.connect_timeout = 2 * TIMEOUT
    handlers.register(registry, connection, operation)
    await kopf.operator(
        registry=registry,
        settings=kopf_settings,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
    )


async def _served(cluster: Cluster, namespaces: tuple[str, ...]) -> list[str]:
    """Return the listed namespaces that may be read: one that is gone must not stop the others.

    Raises:
        SystemExit: none of them may be read.
    """
    served = []
    for namespace in namespaces:
        try:
            await cluster.find(resources.MODEL_DEPLOYMENT, namespace)
            served.append(namespace)
        except ApiError as error:
            log.error("Namespace %s is not served until the operator restarts: %s", namespace, error)  # noqa: TRY400
    if namespaces and not served:
        raise SystemExit(f"SERINUS_NAMESPACES: none of {', '.join(namespaces)} may be read, see the lines above")
    return served


def _failed(key: Key, error: Exception) -> None:
    metrics.ERRORS.labels(type(error).__name__).inc()
    known = isinstance(error, ApiError)
    log.warning(
        "%s",
        error,
        exc_info=None if known else error,
        extra={"namespace": key.namespace, "modeldeployment": key.name},
    )


def main() -> None:
    """Run the operator as a program."""
    garbage.search_seldom()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(Settings()))
