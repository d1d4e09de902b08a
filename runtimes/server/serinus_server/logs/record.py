"""One prediction as it is logged, and how names are kept out of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

REDACTED = "[redacted]"
SHOWN_TEXT = 4096


class Record(NamedTuple):
    """A prediction.

    Attributes:
        id: The request's id.
        path: The route.
        status: Of the answer.
        time: When it was answered, in seconds since 1970.
        seconds: How long it took.
        request: The body; None if it was not read.
        response: The body.
    """

    id: str
    path: str
    status: int
    time: float
    seconds: float
    request: bytes | None
    response: bytes

    @property
    def size(self) -> int:
        """Bytes that it keeps."""
        return len(self.request or b"") + len(self.response)


class Redactor:
    """Takes named fields, and columns of a table by their place, out of documents."""

    def __init__(self, names: frozenset[str], columns: Sequence[str]) -> None:
        self._names = names
        self._width = len(columns)
        self._places = [place for place, column in enumerate(columns) if column in names]

    def body(self, raw: bytes | None, *, valid: bool) -> Any:
        """Return a body as a line of JSON takes it.

        Args:
            raw: What was sent.
            valid: Whether it is known to be JSON. Where it is not, and names are to be kept out, nothing of it is shown.
        """
        if raw is None:
            return None
        if valid and not self._names and b"\n" not in raw:
            return orjson.Fragment(raw)
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return REDACTED if self._names else raw[:SHOWN_TEXT].decode("utf-8", "replace")
        return self.document(document) if self._names else document

    def document(self, document: Any) -> Any:
        """Take the names out."""
        if isinstance(document, list):
            return self._rows(document)
        if not isinstance(document, dict):
            return document
        if document.get("name") in self._names and "data" in document:  # a tensor
            return {**document, "data": REDACTED}
        if isinstance(shape := document.get("shape"), list) and len(shape) != 2:
            return document  # one column, or no table
        # Messages quote what was sent.
        hidden = self._names | {"error"}
        return {key: REDACTED if key in hidden else self.document(value) for key, value in document.items()}

    def _rows(self, values: list[Any]) -> list[Any]:
        if not self._places:
            return [self.document(value) for value in values]
        if values and not any(isinstance(value, list | dict) for value in values):
            if len(values) % self._width:  # no row of this model: nobody knows which value is which
                return [REDACTED]
            # One row, or a whole table row by row.
            return [REDACTED if place % self._width in self._places else v for place, v in enumerate(values)]
        return [self.document(value) for value in values]
