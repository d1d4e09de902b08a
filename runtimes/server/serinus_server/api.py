"""Everything but predictions: health, metadata, metrics, documentation."""

from collections.abc import Callable
from typing import Any, TypeAlias

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException

from serinus_server import __version__, openapi
from serinus_server.protocols.v2 import described
from serinus_server.served import Served
from serinus_server.settings import Settings

Found: TypeAlias = Callable[[], Served | None]
"""Returns the model once it is ready."""


def create(settings: Settings, registry: CollectorRegistry, served: Found) -> FastAPI:
    """Build the application."""
    api = FastAPI(title=settings.model_name, version=settings.model_version, redoc_url=None)
    api.openapi = lambda: openapi.document(settings, served())  # type: ignore[method-assign]

    @api.exception_handler(StarletteHTTPException)
    async def refuse(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)

    @api.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    api.include_router(_server(served))
    api.include_router(_model(settings, served))
    return api


def _server(served: Found) -> APIRouter:
    """What the Open Inference Protocol asks of a server."""
    routes = APIRouter(prefix="/v2")

    @routes.get("")
    async def metadata() -> dict[str, Any]:
        return {"name": "serinus-server", "version": __version__, "extensions": []}

    @routes.get("/health/live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @routes.get("/health/ready")
    async def ready() -> JSONResponse:
        return _ready({}, served)

    return routes


def _model(settings: Settings, served: Found) -> APIRouter:
    """What both protocols ask of a model; predictions of this one never come here."""
    routes = APIRouter()

    def check(name: str, version: str | None = None) -> None:
        if name != settings.model_name:
            raise HTTPException(404, f"model {name!r}: this server has {settings.model_name!r}")
        if version not in (None, settings.model_version):
            raise HTTPException(404, f"version {version!r} of {name}: this server has {settings.model_version!r}")

    @routes.get("/v2/models/{name}")
    @routes.get("/v2/models/{name}/versions/{version}")
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        check(name, version)
        found = served()
        if found is None:
            raise HTTPException(503, "the model is not loaded yet", {"retry-after": "1"})
        return {
            "name": name,
            "versions": [settings.model_version],
            "platform": found.platform,
            **described(found.signature),
        }

    @routes.get("/v1/models/{name}")
    @routes.get("/v2/models/{name}/ready")
    @routes.get("/v2/models/{name}/versions/{version}/ready")
    async def ready(name: str, version: str | None = None) -> JSONResponse:
        check(name, version)
        return _ready({"name": name}, served)

    @routes.post("/v1/models/{name}:predict")
    @routes.post("/v2/models/{name}/infer")
    @routes.post("/v2/models/{name}/versions/{version}/infer")
    async def of_another(name: str, version: str | None = None) -> None:
        check(name, version)

    return routes


def _ready(document: dict[str, Any], served: Found) -> JSONResponse:
    up = served() is not None
    return JSONResponse({**document, "ready": up}, 200 if up else 503)
