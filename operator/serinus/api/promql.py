"""What can be said of a user's PromQL without a Prometheus: its variables, and whether it is whole."""

import re

VARIABLES = ("namespace", "name", "canary", "stable", "revision")
"""What may follow a `$`; `revision` is each of both revisions in turn, for metrics with `compare`."""

_VARIABLE = re.compile(r"\$(\{?)([A-Za-z_]\w*)")
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`')
_COMMENT = re.compile(r"#[^\n]*")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def variables(query: str) -> set[str]:
    """Return the names of the variables that a query uses.

    Raises:
        ValueError: a name that is not known. A `$` before anything but a name is the end of a regular expression.
    """
    found = set()
    for brace, name in _VARIABLE.findall(query):
        if brace or name not in VARIABLES:
            known = ", ".join(f"${known}" for known in VARIABLES)
            raise ValueError(f"${brace}{name} is not a variable: use {known}")
        found.add(name)
    return found


def check_whole(query: str) -> None:
    """Check that strings and brackets are closed; all else only a Prometheus can tell.

    Raises:
        ValueError: something is not closed, or nothing is asked.
    """
    rest = _COMMENT.sub("", _STRING.sub("0", query))
    if not rest.strip():
        raise ValueError("the query asks nothing: write PromQL that gives one number")
    if quote := re.search(r"[\"'`]", rest):
        raise ValueError(f"a string that begins with {quote[0]} is not closed")
    open_ = []
    for sign in rest:
        if sign in _CLOSING.values():
            open_.append(sign)
        elif sign in _CLOSING and (not open_ or open_.pop() != _CLOSING[sign]):
            raise ValueError(f"a {sign} closes nothing")
    if open_:
        raise ValueError(f"a {open_[-1]} is not closed")
