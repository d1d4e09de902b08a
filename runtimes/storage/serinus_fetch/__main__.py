"""`serinus-fetch URI TARGET`: the command line, the exit code, and the last line for the cluster."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from serinus_fetch.budget import shown as amount
from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.fetch import Request, fetch
from serinus_fetch.retry import Patience
from serinus_fetch.secrets import Hidden

TERMINATION_LOG = Path("/dev/termination-log")
"""What a container writes here stands in its pod's status, up to 4096 bytes."""
LONGEST = 2000
"""Characters of a message."""


def main(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    termination_log: Path = TERMINATION_LOG,
    patience: Patience | None = None,
) -> int:
    """Fetch a model, and return the exit code: 0, or that of the Reason."""
    hidden = Hidden(environ)

    def say(line: str) -> None:
        print(hidden.out_of(line), flush=True)  # noqa: T201 - a program's output

    def end(report: Mapping[str, object]) -> None:
        line = json.dumps(
            {key: hidden.out_of(value) if isinstance(value, str) else value for key, value in report.items()}
        )
        print(line, flush=True)  # noqa: T201 - a program's output
        if termination_log.exists():
            termination_log.write_text(line)

    try:
        request = _request(argv)
        record = fetch(request, environ, say, patience or Patience())
    except FetchError as error:
        return _failed(error.reason, str(error), end)
    except Exception as error:  # noqa: BLE001 - the last line must say what nobody foresaw, too
        return _failed(Reason.INTERNAL, f"{type(error).__name__}: {error}. Please report this.", end)
    count = len(record.files)
    message = f"{record.uri}: {count} file{'s' * (count != 1)}, {amount(record.size)}, {record.digest}"
    told = {"dataVersion": record.data_version} if record.data_version else {}
    end(
        {"reason": "Fetched", "message": message, "digest": record.digest, "bytes": record.size, "files": count, **told}
    )
    return 0


def _failed(reason: Reason, message: str, end: Callable[[Mapping[str, object]], None]) -> int:
    end({"reason": reason.word, "message": message[:LONGEST]})
    return reason.code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        """Refuse with the last line that every failure has."""
        raise FetchError(Reason.INVALID, f"{message}. {self.format_usage().strip()}")


def _request(argv: Sequence[str] | None) -> Request:
    parser = _Parser(prog="serinus-fetch", description="Bring a model into a folder, whole or not at all.")
    parser.add_argument("uri", help="s3://, gs://, https://, hf:// or models:/name/version")
    parser.add_argument("target", type=Path, help="an empty folder, or one that an earlier fetch has filled")
    parser.add_argument("--digest", metavar="sha256:HEX", help="what the file, or the folder, must have")
    parser.add_argument("--max-bytes", metavar="N", type=_positive, help="what the model may have")
    parser.add_argument("--data-version", metavar="PATH", help="a .dvc file of the model: tell the hash of its data")
    given = parser.parse_args(argv)
    return Request(given.uri, given.target, given.digest, given.max_bytes, given.data_version)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of bytes, at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
