"""`python -m load --url http://127.0.0.1:8080 --host recommender.example.com --rate 50 --seconds 30`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from load.mixes import MIXES
from load.plan import Plan, Target
from load.report import document, text
from load.runner import Load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a load to its end; 1 when a request failed other than on purpose, 2 on wrong options."""
    options = parser().parse_args(arguments)
    try:
        plan = Plan(
            Target(options.url, options.host),
            rate=options.rate,
            seconds=options.seconds,
            timeout=options.timeout,
            mix=MIXES[options.mix],
        )
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    load = Load(plan).start()
    try:
        summary = load.join()
    except KeyboardInterrupt:
        summary = load.stop()
    print(text(summary))
    if options.json:
        options.json.write_text(json.dumps(document(load), indent=2) + "\n")
    return 1 if summary.total.ours else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="load", description="Steady, un-retried load on a gateway of this machine.")
    made.add_argument("--url", required=True, help="the gateway, http://127.0.0.1:PORT")
    made.add_argument("--host", required=True, help="the Host header that the gateway routes by")
    made.add_argument("--rate", type=float, default=50.0, help="requests a second (50)")
    made.add_argument("--seconds", type=float, default=30.0, help="how long (30)")
    made.add_argument("--timeout", type=float, default=10.0, help="longest time of one request in seconds (10)")
    made.add_argument("--mix", choices=sorted(MIXES), default="recommender", help="what is asked (recommender)")
    made.add_argument("--json", type=Path, help="write everything to this file")
    return made


if __name__ == "__main__":
    sys.exit(main())
