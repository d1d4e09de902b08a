"""Serve the recommender over HTTP.

POST /predict and GET /recommend answer users; /healthz, /readyz and /metrics answer the cluster.
Configuration comes from the environment: MODEL_PATH, MODEL_VERSION, PORT, TLS_CERTIFICATE and TLS_KEY (files; with
them it answers HTTPS) and what faults.py reads.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from faults import FaultInjector, Faults
from instrumentation import Instrumentation
from model import Recommender
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field

# What the cluster and developers call: neither counted as the model's traffic nor ever spoilt.
HOUSEKEEPING = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"})

# A proxy pools idle connections. If the server closes one at the moment the proxy sends a request
# on it, that request is lost, so the proxy must always be the first to close: this is longer than
# the hour after which Envoy drops an idle connection (nginx drops it after a minute).
KEEP_ALIVE_SECONDS = 3660
# After SIGTERM requests in flight may finish; shorter than Kubernetes' 30 seconds of grace.
SHUTDOWN_SECONDS = 20

# Quoting a wrong value helps its sender; quoting megabytes of it does not.
_brief = Repr()
_brief.maxstring = _brief.maxother = 80

Limit = Annotated[int, Field(ge=1, le=100)]


class PredictRequest(BaseModel):
    """Users to recommend for; `strict`, since true and "1" are not ids."""

    user_ids: list[Annotated[int, Field(strict=True, ge=1)]] = Field(min_length=1, max_length=256)
    k: Limit = 5


class Item(BaseModel):
    """A recommended item."""

    item_id: int
    score: float


class Recommendations(BaseModel):
    """What one user gets; `popular` marks a user the model does not know."""

    user_id: int
    source: Literal["personal", "popular"]
    items: list[Item]


class Answer(BaseModel):
    """One entry per requested user, in the order of the request."""

    model_version: str
    recommendations: list[Recommendations]


def recommendations(model: Recommender, user_ids: list[int], k: int) -> list[Recommendations]:
    """Answer each user in turn."""
    return [
        Recommendations(
            user_id=user_id,
            source="personal" if model.knows(user_id) else "popular",
            items=[Item(item_id=item_id, score=score) for item_id, score in model.recommend(user_id, k)],
        )
        for user_id in user_ids
    ]


async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
    """Name each wrong field and its value; FastAPI's own answer breaks on a NaN and has no limit."""
    problems = [
        {
            "field": ".".join(map(str, problem["loc"])),
            "value": _brief.repr(problem["input"]),
            "message": problem["msg"],
        }
        for problem in error.errors()
    ]
    return JSONResponse({"detail": problems}, status_code=422)


def create_app(model_path: Path, version: str, faults: Faults | None = None) -> Instrumentation:
    """Build the application; the model is loaded when it starts, before any port is open."""
    registry = CollectorRegistry()
    loaded: list[Recommender] = []

    @asynccontextmanager
    async def load(_: FastAPI) -> AsyncIterator[None]:
        # A model that cannot be loaded ends the process here, loudly, with the reason in its log.
        model = Recommender.load(model_path)
        model.recommend(int(model.user_ids[0]), k=1)
        loaded.append(model)
        yield
        loaded.clear()

    api = FastAPI(
        title="Recommender",
        version=version,
        lifespan=load,
        redoc_url=None,
        exception_handlers={RequestValidationError: refuse},
    )

    def answer(user_ids: list[int], k: int) -> Answer:
        if not loaded:
            raise HTTPException(503, "the model is not loaded yet", {"retry-after": "1"})
        return Answer(model_version=version, recommendations=recommendations(loaded[0], user_ids, k))

    # `async def` although nothing awaits: an answer takes microseconds, a thread's turn longer.

    @api.post("/predict")
    async def predict(body: PredictRequest) -> Answer:
        return answer(body.user_ids, body.k)

    @api.get("/recommend")
    async def recommend(
        user_id: Annotated[list[Annotated[int, Field(ge=1)]], Query(min_length=1, max_length=256)],
        k: Limit = 5,
    ) -> Answer:
        return answer(user_id, k)

    @api.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @api.get("/readyz")
    async def readyz(response: Response) -> dict[str, str]:
        if not loaded:
            response.status_code = 503
            return {"status": "loading"}
        return {"status": "ready"}

    @api.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    injector = FaultInjector(api, faults or Faults(), registry, exempt=HOUSEKEEPING)
    return Instrumentation(injector, version, registry, uncounted=HOUSEKEEPING)


def main() -> None:
    """Serve what the environment describes until SIGTERM."""
    import uvicorn  # here, because the application itself runs on any ASGI server

    app = create_app(
        Path(os.environ.get("MODEL_PATH", "artifacts/model.npz")),
        os.environ.get("MODEL_VERSION", "1"),
        Faults.from_env(os.environ),
    )
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=int(os.environ.get("PORT", "8000")),
        ssl_certfile=os.environ.get("TLS_CERTIFICATE"),
        ssl_keyfile=os.environ.get("TLS_KEY"),
        access_log=False,  # the metrics tell as much, at less cost per request
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
