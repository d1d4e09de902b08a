"""Load the examples as they are shipped: folders of scripts, not packages."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(folder: Path) -> SimpleNamespace:
    """Import a folder's modules as its own process would, and leave no trace in this one.

    Their names (`data`, `model`, `app`) are too common to stay importable for other tests.
    """
    names = [path.stem for path in sorted(folder.glob("*.py"))]
    hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


@pytest.fixture(scope="session")
def recommender() -> SimpleNamespace:
    """Hold the modules of the recommender: `recommender.train`, `recommender.server`..."""
    return load(EXAMPLES / "recommender")


@pytest.fixture
def flask_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Load the Flask example with a given environment, which it reads when it starts."""

    def start(**env: str) -> ModuleType:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        module: ModuleType = load(EXAMPLES / "flask").app
        return module

    return start


@pytest.fixture(scope="session")
def model_path(recommender: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model")
    recommender.train.main(["--version", "1", "--output", str(folder)])
    return folder / "model.npz"


class Service:
    """The recommender's application without a network, for tests that need no `async`."""

    def __init__(self, runner: asyncio.Runner, app: Any) -> None:
        self._runner = runner
        self._app = app
        self._stack = AsyncExitStack()
        # The answer to an unexpected exception is looked at, as a client would.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://recommender")

    def start(self) -> "Service":
        self._runner.run(self._stack.enter_async_context(lifespan(self._app)))
        return self

    def stop(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.run(self._stack.aclose())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._http.request(method, url, **options))

    def metric(self, series: str) -> float | None:
        """Read one series, written as Prometheus writes it; None when it does not exist."""
        lines = (line.rpartition(" ") for line in self.get("/metrics").text.splitlines())
        return next((float(value) for name, _, value in lines if name == series), None)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start and stop an ASGI application as a server does; httpx does not."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))

    async def tell(event: str) -> None:
        await inbox.put({"type": f"lifespan.{event}"})
        reply = await outbox.get()
        if reply["type"] != f"lifespan.{event}.complete":
            await asyncio.wait([running])
            raise RuntimeError(reply["message"]) from running.exception()

    await tell("startup")
    yield
    await tell("shutdown")
    await running


@pytest.fixture
def serve(recommender: SimpleNamespace, model_path: Path) -> Iterator[Callable[..., Service]]:
    """Make services of the recommender, each with its own version and faults, not yet started."""
    with asyncio.Runner() as runner:
        services: list[Service] = []

        def make(version: str = "1", path: Path = model_path, **faults: float) -> Service:
            plan = recommender.faults.Faults(**faults)
            services.append(Service(runner, recommender.server.create_app(path, version, plan)))
            return services[-1]

        yield make
        for service in services:
            service.stop()
