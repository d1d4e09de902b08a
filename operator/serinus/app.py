"""The composition root: settings, clients, queue, kopf."""

import asyncio
import contextlib
import logging
import time
from functools import partial

import aiohttp
import kopf
from prometheus_client import start_http_server

from serinus import handlers
from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.cluster.connect import Connection, connect
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.queue import Key, Queue
from serinus.reconcile.reconciler import Reconciler
from serinus.settings import Settings
from serinus.telemetry import logs, metrics

log = logging.getLogger("serinus.app")


async def run(settings: Settings) -> None:
    """Serve until a signal. Whatever ends a part of it ends it all: a restart loses nothing."""
    logs.configure()
    connection = await connect(settings.kubeconfig, settings.context)
    api = connection.client()
    server, _ = start_http_server(settings.metrics_port)
    failures: list[BaseException] = []
    try:
        async with aiohttp.ClientSession() as session:
            cluster = Cluster(api)
            namespaces = await _served(cluster, settings.namespaces)
            judges = RolloutJudges(settings, session, time.time)
            queue = Queue(Reconciler(cluster, judges, time.time), time.monotonic, _failed)
            metrics.QUEUE_DEPTH.set_function(queue.depth)
            metrics.QUEUE_AGE.set_function(queue.oldest_wait)
            workers = [asyncio.create_task(queue.work(), name=f"worker-{number}") for number in range(settings.workers)]
            for worker in workers:
                worker.add_done_callback(partial(_ended, failures))
            try:
                await _watch(settings, namespaces, connection, queue, failures)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
    finally:
        server.shutdown()
        await api.close()  # type: ignore[no-untyped-call]


async def _watch(
    settings: Settings,
    namespaces: list[str],
    connection: Connection,
    queue: Queue,
    failures: list[BaseException],
) -> None:
    registry, kopf_settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    kopf_settings.posting.enabled = False
    kopf_settings.scanning.disabled = bool(namespaces)
    kopf_settings.watching.server_timeout, kopf_settings.watching.client_timeout = 300, 310
    kopf_settings.networking.connect_timeout = 30
    handlers.register(registry, kopf_settings, connection, queue, failures)
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


def _ended(failures: list[BaseException], worker: asyncio.Task[None]) -> None:
    if not worker.cancelled():
        failures.append(worker.exception() or RuntimeError("it returned"))


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
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(Settings()))
