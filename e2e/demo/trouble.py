"""What ends the demo early, told in words."""


class Trouble(Exception):  # noqa: N818 - it is what a person reads
    """Something a person must know; `code` is the exit status."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
