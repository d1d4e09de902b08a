"""This server and MLServer beside each other on the same model, in one run: `make bench-server`.

All run at once and are asked in turn, round by round, so that what else happens on the machine strikes all alike. Each is
asked at a steady rate (latency) and as fast as it answers (throughput), over the Open Inference Protocol.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from cluster import venvs

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RESULTS = ROOT / "bench" / "results"
RATE = 500
OWN = "serinus-server"
FIGURES = ("cpu_us", "throughput", "p50")
BODY = {"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}


@dataclass
class Contestant:
    """A server with its settings, and what was measured of it, round by round."""

    name: str
    port: int
    command: list[str | Path]
    env: dict[str, str]
    path: str = "/v2/models/iris/infer"
    ready: str = "/v2/models/iris/ready"
    rounds: list[dict[str, float]] = field(default_factory=list)
    pid: int = 0


def contestants(own: Path, peer: Path, folder: Path, sink: int) -> list[Contestant]:
    """List who takes part."""
    logged = {"SERINUS_LOG_SAMPLE": "1"}

    def server(name: str, port: int, **env: str) -> Contestant:
        fixed = {
            "SERINUS_MODEL_PATH": str(folder / "model.skops"),
            "SERINUS_MODEL_NAME": "iris",
            "PYTHONPATH": str(HERE.parent),
        }
        return Contestant(
            name,
            port,
            [own, "-m", "serinus_server"],
            {**fixed, "SERINUS_PORT": str(port), "SERINUS_HOST": "127.0.0.1", **env},
        )

    def mlserver(name: str, port: int, workers: int) -> Contestant:
        env = {"MLSERVER_HTTP_PORT": port, "MLSERVER_GRPC_PORT": port + 1, "MLSERVER_METRICS_PORT": port + 2}
        env |= {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_PARALLEL_WORKERS": workers,
            "MLSERVER_ENVIRONMENTS_DIR": folder / f"e{port}",
        }
        return Contestant(
            name,
            port,
            [peer, "-c", "from mlserver.cli import main; main()", "start", folder],
            {key: str(value) for key, value in env.items()},
        )

    return [
        server(OWN, 18100),
        server(f"{OWN}, the same once more", 18105),
        server("serinus-server, all logged as lines", 18101, SERINUS_LOG_STDOUT="true", **logged),
        server("serinus-server, all logged as events", 18102, SERINUS_LOG_SINK=f"http://127.0.0.1:{sink}/", **logged),
        server(
            "serinus-server, all logged as events in batches",
            18104,
            SERINUS_LOG_SINK=f"http://127.0.0.1:{sink}/",
            SERINUS_LOG_BATCH="true",
            **logged,
        ),
        server(
            "serinus-server, a tenth logged as events",
            18103,
            SERINUS_LOG_SINK=f"http://127.0.0.1:{sink}/",
            SERINUS_LOG_SAMPLE="0.1",
        ),
        mlserver("MLServer 1.7.1, one worker (its default)", 18110, 1),
        mlserver("MLServer 1.7.1, no worker", 18120, 0),
    ]


@contextmanager
def running(one: Contestant, folder: Path) -> Iterator[None]:
    """Start a server and wait until its model is ready."""
    env = {**os.environ, **one.env, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (folder / f"{one.port}.log").open("wb") as log:
        process = subprocess.Popen(one.command, env=env, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            one.pid = process.pid
            while not answers(one):
                if process.poll() is not None:
                    sys.exit(f"{one.name} ended: {(folder / f'{one.port}.log').read_text()[-2000:]}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait()


def answers(one: Contestant) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{one.port}{one.ready}") as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def cpu_seconds(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children: MLServer's workers, or what writes logs here."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return _seconds(pid), sum(_seconds(child) for child in children)


def _seconds(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def measured(one: Contestant, own: Path, seconds: float) -> dict[str, float]:
    """Ask a server steadily and then flat out."""
    load = [
        own,
        HERE / "load.py",
        "--port",
        str(one.port),
        "--path",
        one.path,
        "--body",
        json.dumps(BODY),
        "--seconds",
        str(seconds),
    ]

    def asked(*options: str) -> dict[str, float]:
        found: dict[str, float] = json.loads(
            subprocess.run([*load, *options], check=True, stdout=subprocess.PIPE).stdout
        )
        assert not found["failed"], one.name
        return found

    steady = asked("--rate", str(RATE))
    before = cpu_seconds(one.pid)
    full = asked("--connections", "16")
    after = cpu_seconds(one.pid)
    own_cpu, beside = ((b - a) / full["answers"] * 1e6 for a, b in zip(before, after, strict=True))
    return {
        "p50": steady["p50"],
        "p99": steady["p99"],
        "throughput": full["rate"],
        "cpu_us": round(own_cpu, 1),
        "cpu_us_beside": round(beside, 1),
    }


def bare(own: Path, folder: Path) -> dict[str, float]:
    """Time the model alone, in a process of its own: milliseconds."""
    code = (
        "import json,sys,time,numpy,skops.io;m=skops.io.load(sys.argv[1]);x=numpy.array([[5.1,3.5,1.4,.2]]);s=[]\n"
        "for i in range(700):\n b=time.perf_counter();m.predict(x);s.append(time.perf_counter()-b);time.sleep(.002)\n"
        "s=sorted(s[200:]);print(json.dumps({'p50':s[len(s)//2]*1e3,'p99':s[int(len(s)*.99)]*1e3}))"
    )
    found: dict[str, float] = json.loads(
        subprocess.run([own, "-c", code, folder / "model.skops"], check=True, stdout=subprocess.PIPE).stdout
    )
    return found


def trained(own: Path, folder: Path) -> None:
    """Write one model in both servers' formats."""
    code = (
        "import joblib,skops.io,sys;from sklearn.datasets import load_iris;from sklearn.linear_model import LogisticRegression\n"
        "m=LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))\n"
        "skops.io.dump(m,sys.argv[1]+'/model.skops');joblib.dump(m,sys.argv[1]+'/model.joblib')"
    )
    subprocess.run([own, "-c", code, folder], check=True)
    settings = {
        "name": "iris",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))


def table(found: dict[str, Any]) -> str:
    """Write the figures as a page."""
    rows = "\n".join(
        f"| {name} | {f['p50']:.3f} | {f['p50'] - found['bare']['p50']:.3f} | {f['p99']:.2f} | {f['throughput']:.0f} | {f['cpu_us']:.0f} | {f['cpu_us_beside']:.0f} |"
        for name, f in found["servers"].items()
    )
    costs = "\n".join(
        f"| {name.partition(', ')[2]} | "
        + " | ".join(f"{more(found['each'], name, key):+.1%}" for key in FIGURES)
        + " |"
        for name in found["servers"]
        if name.startswith(f"{OWN},")
    )

    return f"""# The model server beside MLServer

`make bench-server` on {os.cpu_count()} cores with the client on the same cores, load average {os.getloadavg()[0]:.1f}, {found["rounds"]} rounds of
{found["seconds"]:g} s each way. Of the rounds the better quartile is shown, that is when others disturbed least. scikit-learn's LogisticRegression on one row of iris, Open Inference Protocol.
Others worked on the machine meanwhile: compare lines, not runs.

| | p50 at {RATE}/s, ms | added to the bare call | p99, ms | answers/s, 16 connections | CPU µs an answer | and in children |
|---|---|---|---|---|---|---|
| the bare call | {found["bare"]["p50"]:.3f} | | {found["bare"]["p99"]:.2f} | | | |
{rows}

What logging costs the process that answers: the median of the rounds, each against the same round of the first line. The sink ran on
the same cores, and so did the process that writes. "The same once more" logs nothing: it shows what is chance.

| | CPU an answer | answers/s, 16 connections | p50 at {RATE}/s |
|---|---|---|---|
{costs}
"""


def more(each: dict[str, list[dict[str, float]]], name: str, key: str) -> float:
    """What a figure is above that of the server that logs nothing, in the median of the rounds."""
    return statistics.median(one[key] / plain[key] for one, plain in zip(each[name], each[OWN], strict=True)) - 1


def main() -> None:
    options = argparse.ArgumentParser(prog="compare")
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--match", default="", help="only those whose name holds this; nothing is written then")
    given = options.parse_args()
    own = venvs.of(HERE.parent)
    peer = venvs.python("mlserver", HERE.parent / "requirements" / "mlserver.txt", "60 s")
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        trained(own, folder)
        sink = subprocess.Popen([own, HERE / "sink.py", "18190"])
        stack.callback(sink.wait)
        stack.callback(sink.terminate)
        servers = [one for one in contestants(own, peer, folder, 18190) if given.match in one.name]
        for one in servers:
            stack.enter_context(running(one, folder))
        bares = []
        for number in range(given.rounds):
            bares.append(bare(own, folder))
            print(number, "the bare call", bares[-1], flush=True)
            for one in servers[number % len(servers) :] + servers[: number % len(servers)]:
                one.rounds.append(measured(one, own, given.seconds))
                print(number, one.name, one.rounds[-1], flush=True)
    found = {
        "rounds": given.rounds,
        "seconds": given.seconds,
        "bare": better(bares),
        "servers": {one.name: better(one.rounds) for one in servers},
        "each": {one.name: one.rounds for one in servers},
    }
    if given.match:
        print(table(found))
        return
    (RESULTS / "server.json").write_text(json.dumps(found, indent=2) + "\n")
    (RESULTS / "server.md").write_text(table(found))
    print(table(found))


def better(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The quartile of the rounds in which a server was disturbed least, figure by figure."""

    def quartile(key: str) -> float:
        ranked = sorted((one[key] for one in rounds), reverse=key == "throughput")
        return ranked[len(ranked) // 4]

    return {key: quartile(key) for key in rounds[0]}


if __name__ == "__main__":
    main()
