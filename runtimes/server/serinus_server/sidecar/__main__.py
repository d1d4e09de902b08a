"""`python -m serinus_server.sidecar`: stand before a server and log its predictions until SIGTERM."""

import asyncio
import logging
import signal
import sys

import uvloop
from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics, start_http_server

from serinus_server.errors import StartupError
from serinus_server.logs.drops import Drops
from serinus_server.logs.predictions import PredictionLog
from serinus_server.sidecar.body import Room
from serinus_server.sidecar.passage import Passage
from serinus_server.sidecar.settings import SidecarSettings
from serinus_server.sidecar.witness import Witness

BACKLOG = 2048
LOOK_SECONDS = 0.05

log = logging.getLogger("serinus_server.sidecar")


class Proxy:
    """All connections, and what they have in common."""

    def __init__(self, settings: SidecarSettings, log: PredictionLog, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._log = log
        self._room = Room()
        self._open: set[Passage] = set()
        self._unread = Counter(
            "prediction_log_unread_connections",
            "Connections whose traffic was passed on but not logged: it is no HTTP/1.1.",
            registry=registry,
        )

    async def serve(self, registry: CollectorRegistry) -> None:
        """Serve until SIGTERM, and then until what is under way is done."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        given = self._settings
        try:
            server = await loop.create_server(self._passage, given.host, given.port, backlog=BACKLOG)
            start_http_server(given.metrics_port, given.host, registry)
        except OSError as error:
            raise StartupError(f"cannot listen on ports {given.port} and {given.metrics_port}: {error}") from None
        log.info("before %s:%d", given.upstream_host, given.upstream_port)
        await stop.wait()
        server.close()
        await self._drain()

    def _passage(self) -> Passage:
        given = self._settings
        witness = Witness(self._log, given.log_max_bytes, self._room, self._unread.inc)
        made = Passage((given.upstream_host, given.upstream_port), witness, self._open.discard)
        self._open.add(made)
        return made

    async def _drain(self) -> None:
        """Close what is idle, and wait for the rest."""
        until = asyncio.get_running_loop().time() + self._settings.drain_seconds
        while self._open and asyncio.get_running_loop().time() < until:
            for passage in list(self._open):
                if not passage.busy:
                    passage.close()
            await asyncio.sleep(LOOK_SECONDS)


def main() -> None:
    """Exit with 0 after SIGTERM, with 1 and the reason if it cannot start."""
    logging.basicConfig(format="prediction-log: %(levelname)s: %(message)s", level=logging.INFO)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        settings = SidecarSettings.read()
        registry = CollectorRegistry()
        drops = Drops()
        registry.register(drops)
        ProcessCollector(registry=registry)
        predictions = PredictionLog(settings, drops, columns=None)
        try:
            uvloop.run(Proxy(settings, predictions, registry).serve(registry))
        finally:
            predictions.close()
    except StartupError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        sys.exit(1)


if __name__ == "__main__":
    main()
