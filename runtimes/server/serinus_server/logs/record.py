"""One prediction as it is logged, and how names are kept out of it."""

import marshal
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple, Self, TypeAlias

import orjson

REDACTED = "[redacted]"
SHOWN_TEXT = 4096
MARSHAL_VERSION = 2
"""Later ones look for what occurs twice, which takes half as long again."""

Body: TypeAlias = bytes | str | None
"""What was sent, or words in its place; None if there was nothing."""


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
    request: Body
    response: Body

    @property
    def size(self) -> int:
        """Bytes that it keeps."""
        return len(self.request or b"") + len(self.response or b"")

    def packed(self) -> bytes:
        """Return it as bytes, from which `unpacked` makes it again."""
        return marshal.dumps(tuple(self), MARSHAL_VERSION)

    @classmethod
    def unpacked(cls, stream: BinaryIO) -> Self:
        """Read the next one of a stream that this very program wrote.

        Raises:
            EOFError: at the end, or if it comes in the midst of one.
        """
        return cls(*marshal.load(stream))  # noqa: S302 - from the parent process

    def shortened(self, limit: int) -> "Record":
        """Return it with words in the place of bodies that are larger."""
        return self._replace(request=_shortened(self.request, limit), response=_shortened(self.response, limit))


def _shortened(body: Body, limit: int) -> Body:
    return f"[{len(body)} bytes]" if isinstance(body, bytes) and len(body) > limit else body


class Redactor:
    """Takes named fields, and columns of a table by their place, out of documents."""

    def __init__(self, names: frozenset[str], columns: Sequence[str] | None) -> None:
        """Take the names to keep out, and the model's columns; None if the server is another, which may send anything."""
        self._names = names
        self._own = columns is not None
        self._width = len(columns or ())
        self._places = [place for place, column in enumerate(columns or ()) if column in names]

    def request(self, record: Record) -> Any:
        """Return the body of a request as a line of JSON takes it."""
        return self.body(record.request, valid=self._own and record.status == 200)

    def response(self, record: Record) -> Any:
        """Return the body of a response as a line of JSON takes it."""
        if isinstance(record.response, bytes) and not self._own and self._names and record.status >= 400:
            return REDACTED  # nobody knows where it quotes what was sent
        return self.body(record.response, valid=self._own)

    def body(self, raw: Body, *, valid: bool) -> Any:
        """Return a body as a line of JSON takes it.

        Args:
            raw: What was sent.
            valid: Whether it is known to be JSON. Where it is not, and names are to be kept out, nothing of it is shown.
        """
        if not isinstance(raw, bytes):
            return raw
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
        if self._places and isinstance(shape := document.get("shape"), list) and len(shape) != 2:
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
