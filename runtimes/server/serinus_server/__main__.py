"""`python -m serinus_server`: serve what the environment describes until SIGTERM."""

import logging
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import uvicorn

from serinus_server import api
from serinus_server.app import App
from serinus_server.errors import StartupError
from serinus_server.logs.predictions import PredictionLog
from serinus_server.served import load
from serinus_server.settings import Settings
from serinus_server.telemetry import Telemetry

# A proxy pools idle connections, and loses a request if the server closes one at the moment of sending. The
# proxy must always be the first to close: this is longer than the hour after which Envoy drops an idle connection.
KEEP_ALIVE_SECONDS = 3660

log = logging.getLogger("serinus_server")


class Process:
    """The application, its HTTP server, and the thread that loads the model."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._telemetry = Telemetry(settings.model_name, settings.model_version)
        rest = api.create(settings, self._telemetry.registry, lambda: self._app.served)
        self._app = App(settings, self._telemetry, rest)
        self._log: PredictionLog | None = None
        self._failure: BaseException | None = None
        self._http = uvicorn.Server(
            uvicorn.Config(
                self._app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,  # the metrics tell as much, at less cost
                log_config=None,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=int(settings.drain_seconds) or 1,
            )
        )

    def run(self) -> None:
        """Serve until SIGTERM or until the model cannot be loaded.

        Raises:
            StartupError: with the reason.
        """
        # A daemon, because a load cannot be interrupted, and SIGTERM must not wait for it.
        threading.Thread(target=self._load, name="load", daemon=True).start()
        # The HTTP server repeats the signal once it is done; the process ends by itself then, with 0.
        signal.signal(signal.SIGTERM, lambda *_: None)
        self._http.run()
        if self._log is not None:
            self._log.close()
        if self._failure is not None:
            raise self._failure
        if not self._http.started:
            raise StartupError(f"SERINUS_PORT={self._settings.port}: cannot listen there")

    def _load(self) -> None:
        try:
            served = load(self._settings)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the main thread
            self._failure = error
            self._http.should_exit = True
            return
        self._log = PredictionLog(self._settings, self._telemetry.drops, served.signature.names)
        self._app.serve(served, self._log)
        log.info("%s %s (%s) is ready", served.name, served.version, served.platform)


def leave_reason(message: str, path: Path) -> None:
    """Leave the reason where Kubernetes looks for it, if this is where Kubernetes put a file for it."""
    if path.is_file():
        with suppress(OSError):
            path.write_text(message[:4000])


def main() -> None:
    """Exit with 0 after SIGTERM, with 1 and the reason if there is nothing to serve."""
    logging.basicConfig(format="serinus-server: %(levelname)s: %(message)s", level=logging.INFO)
    logging.captureWarnings(capture=True)
    reasons = Path("/dev/termination-log")
    try:
        settings = Settings.read()
        reasons = settings.termination_log
        Process(settings).run()
    except StartupError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        leave_reason(str(error), reasons)
        os._exit(1)


if __name__ == "__main__":
    main()
