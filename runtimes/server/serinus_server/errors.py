"""What can go wrong, and for whom: for the one who deploys a model or for the one who calls it."""

from typing import Any


class StartupError(Exception):
    """The process cannot serve: the message says what is wrong, where, and what to do."""


class RequestError(Exception):
    """A request that is answered with a 4xx or 5xx.

    Attributes:
        status: The HTTP status.
        where: Where in the request the fault lies, by name: field, row, column, as far as known.
    """

    def __init__(self, status: int, message: str, **where: Any) -> None:
        super().__init__(message)
        self.status = status
        self.where = {name: value for name, value in where.items() if value is not None}


class InvalidInputError(RequestError):
    """An input that does not fit the model's signature: a 400 that names field, row and column."""

    def __init__(
        self, problem: str, *, field: str | None = None, row: int | None = None, column: str | None = None
    ) -> None:
        place = [field] if field else []
        place += [f"row {row}"] if row is not None else []
        place += [f"column {column!r}"] if column is not None else []
        super().__init__(
            400, f"{', '.join(place)}: {problem}" if place else problem, field=field, row=row, column=column
        )
