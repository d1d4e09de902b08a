"""The process that writes logs, beside the one that predicts.

Making JSON, taking names out and posting events cost several times what a small model's prediction does. Here that
takes none of the interpreter's time in the process that answers, and none of the CPU's while that one wants it.
"""

import json
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from serinus_server.logs.drops import Drops
from serinus_server.logs.events import Events
from serinus_server.logs.lines import Lines
from serinus_server.logs.outbox import Destination, Outbox
from serinus_server.logs.record import Record, Redactor

FLUSH_SECONDS = 5.0
STDIN = 0
PIPE_BYTES = 64 * 1024
"""What a pipe holds. While it is full, the thread at its other end wakes up as often as it is read."""


def main() -> None:
    """Read records from stdin until it ends."""
    logging.basicConfig(format="serinus-server: %(levelname)s: %(message)s", level=logging.INFO)
    for number in (signal.SIGINT, signal.SIGTERM):  # the end of stdin ends it, once all was read
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    outboxes = [Outbox(destination) for destination in destinations(json.loads(sys.argv[1]))]
    with open(STDIN, "rb", PIPE_BYTES) as records, suppress(EOFError):
        while True:
            record = Record.unpacked(records)
            for outbox in outboxes:
                outbox.offer(record)
    for outbox in outboxes:
        outbox.close(FLUSH_SECONDS)


def destinations(told: dict[str, Any]) -> list[Destination]:
    """Make the destinations that the parent process tells of."""
    drops = Drops(told["drops"])
    redactor = Redactor(frozenset(told["redact"]), told["columns"])
    found: list[Destination] = []
    if told["stdout"]:
        found.append(Lines(told["model"], told["version"], redactor, drops))
    if told["sink"]:
        found.append(Events(told, redactor, drops))
    return found


if __name__ == "__main__":
    main()
