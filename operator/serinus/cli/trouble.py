"""What ends a command early: a message that says what to do next, and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum

import click


class Exit(IntEnum):
    """The exit codes of all commands that talk to a cluster, and of `lint`."""

    DONE = 0
    FAILED = 1
    """With `--wait`: the rollout was taken back, or its spec is refused. `lint`: there are errors."""
    USAGE = 2
    """A wrong option or a broken file."""
    TIMEOUT = 3
    """The time of `--timeout` was over, or the operator did not answer."""
    UNFIT = 4
    """There is no such object, or nothing to do for the command."""
    CLUSTER = 5
    """The cluster cannot be asked: no kubeconfig, out of reach, no rights, Serinus is not installed."""


class Trouble(click.ClickException):
    """An error with its exit code; the message says what was wrong and what to do."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the known words nearest to one, or lists some; empty when none are known.

    >>> nearest("recomender", ["recommender", "churn"])
    'did you mean recommender?'
    >>> nearest("x", ["recommender", "churn"])
    'there are churn, recommender'
    """
    found = sorted(set(known))
    if close := difflib.get_close_matches(word, found, 3):
        return f"did you mean {' or '.join(close)}?"
    if not found:
        return ""
    more = f" and {len(found) - 12} more" if len(found) > 12 else ""
    return f"there {'is' if len(found) == 1 else 'are'} {', '.join(found[:12])}{more}"
