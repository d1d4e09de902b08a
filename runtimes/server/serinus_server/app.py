"""The application: predictions on a short path of their own, everything else by FastAPI.

A prediction by a linear model takes less time than a framework's routing, dependencies and response classes, so
the routes that predict are told apart by a dictionary and answered on bare ASGI.
"""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serinus_server import http
from serinus_server.errors import InvalidInputError, RequestError
from serinus_server.logs.predictions import PredictionLog
from serinus_server.logs.record import Record
from serinus_server.pace import Pace
from serinus_server.protocols import Call
from serinus_server.protocols import Protocol as Language
from serinus_server.protocols.plain import PLAIN
from serinus_server.protocols.v1 import V1
from serinus_server.protocols.v2 import V2
from serinus_server.served import Served
from serinus_server.settings import Settings
from serinus_server.signature import Array
from serinus_server.telemetry import UNMATCHED, Telemetry

log = logging.getLogger(__name__)


def routes(name: str, version: str) -> dict[str, Language]:
    """Return the paths that predict."""
    return {
        "/predict": PLAIN,
        f"/v1/models/{name}:predict": V1,
        f"/v2/models/{name}/infer": V2,
        f"/v2/models/{name}/versions/{version}/infer": V2,
    }


class App:
    """ASGI: answers predictions, passes on the rest, and counts and marks both."""

    def __init__(self, settings: Settings, telemetry: Telemetry, rest: ASGIApp) -> None:
        self.served: Served | None = None
        self._log: PredictionLog | None = None
        self._routes = routes(settings.model_name, settings.model_version)
        self._limit = settings.max_request_bytes
        self._version = (b"x-model-version", settings.model_version.encode())
        self._telemetry = telemetry
        self._pace = Pace()
        side_by_side = max(1, len(os.sched_getaffinity(0)) // settings.threads)
        self._threads = ThreadPoolExecutor(side_by_side, thread_name_prefix="predict")
        self._rest = rest

    def serve(self, served: Served, log: PredictionLog) -> None:
        """Take a model that is loaded and warmed, and its log; from now on the server is ready."""
        self._log = log
        self.served = served
        self._telemetry.ready.set(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        language = self._routes.get(scope["path"])
        if language is None:
            await self._pass_on(scope, receive, send)
        else:
            await self._predict(language, scope, receive, send)

    async def _predict(self, language: Language, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        identity = http.request_id(scope)
        headers = [(b"x-request-id", identity), self._version]
        raw: bytes | None = None
        try:
            served = self._asked(scope)
            raw = await http.body(scope, receive, self._limit)
            status, answer = 200, await self._answer(language, served, raw)
        except RequestError as error:
            status, answer = error.status, http.told(error)
            headers += _hints(status)
        except ConnectionResetError:
            return
        seconds = time.perf_counter() - began
        self._telemetry.answered(scope["path"], status, seconds)
        if self._log is not None and self._log.wants(status):
            now = time.time()  # noqa: TID251 - when it was answered
            self._log.offer(Record(identity.decode(), scope["path"], status, now, seconds, raw, answer))
        await http.respond(send, status, answer, headers)

    def _asked(self, scope: Scope) -> Served:
        if scope["method"] != "POST":
            raise RequestError(405, f"{scope['method']}: predictions are asked for with POST")
        if self.served is None:
            raise RequestError(503, "the model is not loaded yet")
        return self.served

    async def _answer(self, language: Language, served: Served, raw: bytes) -> bytes:
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InvalidInputError(f"the request is not JSON: {error}") from None
        call = language.decode(document, served.signature)
        if self._pace.quick(call.rows):
            seconds, outputs = _run(served, call)
        else:
            seconds, outputs = await asyncio.get_running_loop().run_in_executor(self._threads, _run, served, call)
        self._pace.took(call.rows, seconds)
        self._telemetry.predicted(seconds, outputs)
        return language.encode(call, outputs, served.name, served.version)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = [(b"x-request-id", http.request_id(scope)), self._version]

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
                # What the cluster and developers ask beside predictions is no traffic of the model.
                if message["status"] in (404, 405):
                    self._telemetry.answered(UNMATCHED, message["status"], time.perf_counter() - began)
            await send(message)

        await self._rest(scope, receive, marked)


def _run(served: Served, call: Call) -> tuple[float, Mapping[str, Array]]:
    """Call the model; the seconds that it took, and its outputs."""
    began = time.perf_counter()
    try:
        outputs = served.engine.predict(call.inputs, call.outputs)
    except Exception as error:
        log.exception("the model failed")
        # Not a 4xx, although some libraries raise ValueError for what a caller sent: the input fits the signature,
        # and a version that fails on what its predecessor took must be seen to fail.
        raise RequestError(500, f"the model failed: {type(error).__name__}: {error}"[:1000]) from error
    return time.perf_counter() - began, outputs


def _hints(status: int) -> list[tuple[bytes, bytes]]:
    """Say what a caller does next: close what is not read, ask again, or ask otherwise."""
    return {413: [(b"connection", b"close")], 503: [(b"retry-after", b"1")], 405: [(b"allow", b"POST")]}.get(status, [])
