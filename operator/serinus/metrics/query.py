"""Variables in a user's PromQL."""

import re
from collections.abc import Mapping

_SAFE = re.compile(r"[a-z0-9.-]+")
_VARIABLE = re.compile(r"\$(namespace|name|canary|stable|revision)\b")


def substitute(query: str, values: Mapping[str, str]) -> str:
    """Return the query with its variables replaced.

    Raises:
        ValueError: a value could be read as more than a name.
    """

    def value(match: re.Match[str]) -> str:
        text = values[match[1]]
        if not _SAFE.fullmatch(text):
            raise ValueError(f"${match[1]} is {text!r}, which is not a plain name")
        return text

    return _VARIABLE.sub(value, query)
