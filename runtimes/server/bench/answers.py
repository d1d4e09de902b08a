"""What logging costs the process that answers: microseconds of its CPU for a prediction.

`PYTHONPATH=runtimes/server python runtimes/server/bench/answers.py` with what the server is tested with. One application answers a few
requests at a time in turn without its log and with it, flat out, hundreds of times: what else happens on the machine strikes
both alike, and the median of the differences leaves it out. HTTP itself is left out, too: the application is called as
the server of HTTP calls it. To the time of the thread that answers comes that of the one beside it, which hands over what is
logged, and has half as much to do in its turns as where all are logged.
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
from serinus_server.logs.drops import Drops
from serinus_server.logs.predictions import PredictionLog
from serinus_server.settings import Settings
from serinus_server.telemetry import Telemetry

SINK, ROUNDS, ANSWERS, REST_ROUNDS, REST_SECONDS = 18292, 400, 50, 40, 0.5
BODY = b'{"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}'
SCOPE = {"type": "http", "method": "POST", "path": "/v2/models/iris/infer", "headers": [(b"content-length", b"98")]}
URL = f"http://127.0.0.1:{SINK}/"
WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
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
    """Answer a few and return the microseconds of CPU that one took the thread that answers."""
    began = time.thread_time()
    for _ in range(ANSWERS):
        await app(SCOPE, receive, send)
    return (time.thread_time() - began) / ANSWERS * 1e6


def handing_over(log: PredictionLog) -> float:
    """Return the seconds of CPU that the thread beside it has taken."""
    handover = log._handover  # noqa: SLF001 - there is no other way to its thread
    return time.clock_gettime(time.pthread_getcpuclockid(handover._thread.ident or 0)) if handover else 0.0  # noqa: SLF001


async def rounds(settings: Settings, log: PredictionLog, silent: PredictionLog) -> list[tuple[float, float]]:
    """Ask without and with the log, with a rest now and then: without room less would be done with what is logged."""
    telemetry = Telemetry(settings.model_name, settings.model_version)
    app = App(settings, telemetry, lambda: None)  # type: ignore[arg-type,return-value]
    model = served.load(settings)
    found = []
    for number in range(ROUNDS):
        await asyncio.sleep(0 if number % REST_ROUNDS else REST_SECONDS)
        app.serve(model, silent)
        plain = await block(app)
        app.serve(model, log)
        found.append((plain, await block(app)))
    return found


def told(path: Path, given: dict[str, Any]) -> str:
    settings = Settings(model_path=path, model_name="iris", **given)
    silent = PredictionLog(Settings(), Drops(), [])
    log = PredictionLog(settings, Drops(), [])
    found = asyncio.run(rounds(settings, log, silent))
    beside = handing_over(log) / (ANSWERS * ROUNDS) * 1e6
    log.close()
    plain = statistics.median(plain for plain, _ in found)
    more = statistics.median(logged - plain for plain, logged in found)
    return f"{plain:.1f} µs an answer, {more:+.1f} µs, and {beside:.1f} µs to hand over: {(more + beside) / plain:+.1%}"


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where lines go
    sink = subprocess.Popen([sys.executable, Path(__file__).with_name("sink.py"), str(SINK)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        skops.io.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), path)
        for name, given in WAYS.items():
            print(f"{name}: {told(path, given)}", file=out, flush=True)
    sink.kill()
    sink.wait()


if __name__ == "__main__":
    main()
