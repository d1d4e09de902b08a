"""`python3 -m cluster <verb>`: see README.md beside this file."""

import argparse
import sys
from collections.abc import Callable

from cluster import programs
from cluster.console import Failure, say

Verb = Callable[[argparse.Namespace], None]


def assets(_: argparse.Namespace) -> None:
    """Build a control plane for integration tests and print its folder."""
    print(programs.assets())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="cluster", description=__doc__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(function: Verb) -> argparse.ArgumentParser:
        name = function.__name__.replace("_", "-")
        made = verbs.add_parser(name, help=function.__doc__, description=function.__doc__)
        made.set_defaults(verb=function)
        return made

    verb(assets)
    return top


def main() -> int:
    """Run one verb; a Failure is told in words, never as a traceback."""
    arguments = parser().parse_args()
    try:
        arguments.verb(arguments)
    except Failure as failure:
        say(f"error: {failure}")
        return failure.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
