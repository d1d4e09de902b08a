"""What the model says about its own traffic, in the form that Prometheus reads."""

import time
from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSION_HEADER = "x-model-version"
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# An answer takes about a millisecond; the upper buckets show a version that has become slow.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Instrumentation:
    """ASGI middleware that counts and times answers, and puts the model's version on them.

    It stands outside the whole application: inside, the answer to an unexpected exception would
    pass it by. An answer is counted before its first byte leaves, so whoever has received one
    finds it in the counter. Calls of the cluster itself (`uncounted`) are no model traffic.
    """

    def __init__(
        self,
        app: ASGIApp,
        version: str,
        registry: CollectorRegistry,
        uncounted: Collection[str] = (),
    ) -> None:
        """Register the metrics."""
        self._app = app
        self._version = version
        self._uncounted = uncounted
        self._requests = Counter(
            "http_requests",
            "Answers of the model, by the route's template.",
            ["method", "path", "status"],
            registry=registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the request to the start of its answer.",
            ["method", "path"],
            buckets=BUCKETS,
            registry=registry,
        )
        Info("model", "The model that serves.", registry=registry).info({"version": version})
        ProcessCollector(registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch its answer start."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[VERSION_HEADER] = self._version
                if scope["path"] not in self._uncounted:
                    self._observe(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, send_watched)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        # Labels never hold what a client chose: every new value would be a new series forever.
        method = scope["method"] if scope["method"] in METHODS else "other"
        path = getattr(scope.get("route"), "path", UNMATCHED)
        self._requests.labels(method, path, str(status)).inc()
        self._duration.labels(method, path).observe(seconds)
