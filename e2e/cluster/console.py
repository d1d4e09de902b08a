"""What a person sees: one line when a long step starts, one when it ends.

Everything goes to stderr, so that a verb's stdout holds its answer only.
The noise of a step goes to a log file; its end is shown when the step fails.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

LAST_LINES = 20


class ClusterError(Exception):
    """Something a person must know; `code` is the exit status of the process."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(title: str, expected: str = "") -> Iterator[None]:
    """Frame a step that lasts: its expected time first, its real time after."""
    say(f"{title} ..." + (f" (about {expected})" if expected else ""))
    start = time.monotonic()
    yield
    say(f"{title}: done in {time.monotonic() - start:.0f} s")


def run(
    arguments: Sequence[str | Path],
    *,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | IO[bytes] | None = None,
) -> str:
    """Run a command to its end and return its stdout.

    With `log` both streams are appended there instead and "" is returned.
    A command that fails raises ClusterError with the last lines that it wrote.
    """
    command = [str(argument) for argument in arguments]
    text = stdin if isinstance(stdin, str) else None
    source = stdin if not isinstance(stdin, str) else subprocess.PIPE
    with ExitStack() as stack:
        sink = stack.enter_context(log.open("a")) if log else subprocess.PIPE
        try:
            process = subprocess.Popen(
                command,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                stdin=subprocess.DEVNULL if source is None else source,
                stdout=sink,
                stderr=sink,
                text=True,
            )
        except FileNotFoundError as error:
            raise ClusterError(f"{command[0]}: not found on this machine") from error
        with process:
            out, err = process.communicate(text)
    if process.returncode:
        written = log.read_text(errors="replace") if log else out + err
        raise ClusterError(_explain(command, process.returncode, written, log))
    return out or ""


def succeeds(arguments: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> bool:
    """Whether a command that is asked as a question says yes."""
    try:
        run(arguments, env=env)
    except ClusterError:
        return False
    return True


def _explain(command: Sequence[str], status: int, written: str, log: Path | None) -> str:
    end = "\n".join(f"    {line}" for line in written.splitlines()[-LAST_LINES:])
    where = f"\n  the whole log: {log}" if log else ""
    return f"`{' '.join(command)[:300]}` ended with status {status}:\n{end}{where}"
