"""What a prediction costs the process that writes logs: as events one by one, in batches, and the sink on the same cores.

`PYTHONPATH=runtimes/server python runtimes/server/bench/events.py` with what the server is tested with; microseconds of CPU.
"""

import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from serinus_server.logs.drops import Drops
from serinus_server.logs.events import Events
from serinus_server.logs.record import Record, Redactor

PORT = 18291
ROUNDS, RECORDS = 7, 256
RECORD = Record(
    "51ae24b68e0d41888fe605bddc749a34",
    "/v2/models/iris/infer",
    200,
    1_800_000_000.0,
    0.0003,
    b'{"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}',
    b'{"model_name":"iris","model_version":"1","outputs":[{"name":"predict","datatype":"INT64","shape":[1],"data":[0]}]}',
)


def listens() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def main() -> None:
    sink = subprocess.Popen([sys.executable, Path(__file__).with_name("sink.py"), str(PORT)])
    while not listens():
        time.sleep(0.05)
    told = {"model": "iris", "version": "1", "namespace": "shop", "sink": f"http://127.0.0.1:{PORT}/"}
    redactor, drops = Redactor(frozenset(), []), Drops()
    ways = {
        "one by one": Events({**told, "batch": False}, redactor, drops),
        "in batches": Events({**told, "batch": True}, redactor, drops),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, events in ways.items():
            began = time.process_time()
            events.write([RECORD] * RECORDS)
            found[name].append((time.process_time() - began) / RECORDS * 1e6)
    sink.terminate()
    sink.wait()
    for name, each in found.items():
        print(f"{name}: {statistics.median(each):.0f} µs, {min(each):.0f} at least")


if __name__ == "__main__":
    main()
