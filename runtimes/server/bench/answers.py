"""What logging costs the process that answers: microseconds of its CPU for a prediction, all threads counted.

`PYTHONPATH=runtimes/server python runtimes/server/bench/answers.py` with what the server is tested with. One process answers
blocks of requests in turn without a log and with each kind, flat out, so that what else happens on the machine strikes all
alike; a block is told from the one without a log beside it. HTTP itself is left out: the application is called as the
server of HTTP calls it.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import skops.io
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from serinus_server import served
from serinus_server.app import App
from serinus_server.logs.predictions import PredictionLog
from serinus_server.settings import Settings
from serinus_server.telemetry import Telemetry

SINK, BLOCKS, ANSWERS, REST_SECONDS = 18292, 11, 1000, 0.6
BODY = b'{"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}'
SCOPE = {"type": "http", "method": "POST", "path": "/v2/models/iris/infer", "headers": [(b"content-length", b"98")]}
URL = f"http://127.0.0.1:{SINK}/"
WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "nothing, once more": {},
    "lines": {"log_stdout": True, "log_sample": 1},
    "events": {"log_sink": URL, "log_sample": 1},
    "events in batches": {"log_sink": URL, "log_sample": 1, "log_batch": True},
    "a tenth as events": {"log_sink": URL, "log_sample": 0.1},
}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(memoryview(BODY)), "more_body": False}


async def send(message: Any) -> None:
    assert message.get("status", 200) == 200


async def block(app: App) -> float:
    """Answer so many and return the microseconds of CPU that one took."""
    began = time.process_time()
    for _ in range(ANSWERS):
        await app(SCOPE, receive, send)
    await asyncio.sleep(REST_SECONDS)  # until the last of them were handed over, and written before the next block
    return (time.process_time() - began) / ANSWERS * 1e6


def apps(path: Path) -> dict[str, App]:
    """Make an application for each way to log; all in this process."""
    found = {}
    for name, given in WAYS.items():
        settings = Settings(model_path=path, model_name="iris", **given)
        telemetry = Telemetry("iris", "1")
        model = served.load(settings)
        app = found[name] = App(settings, telemetry, lambda: None)  # type: ignore[arg-type,return-value]
        app.serve(model, PredictionLog(settings, telemetry.drops, model.signature.names))
    return found


def main() -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where lines go
    sink = subprocess.Popen([sys.executable, Path(__file__).with_name("sink.py"), str(SINK)])
    with tempfile.TemporaryDirectory() as folder:
        skops.io.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), Path(folder) / "model.skops")
        made = apps(Path(folder) / "model.skops")
    found: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(BLOCKS):
        for name, app in made.items():
            found[name].append(asyncio.run(block(app)))
    plain = found["nothing"]
    for name, each in found.items():
        more = statistics.median(one - beside for one, beside in zip(each, plain, strict=True))
        print(f"{name}: {statistics.median(each):.1f} µs an answer, {more:+.1f} µs", file=told, flush=True)
    sink.kill()
    os._exit(0)  # what still waits to be written is of no interest


if __name__ == "__main__":
    main()
