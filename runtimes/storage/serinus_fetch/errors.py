"""What can go wrong, in words that a status can show."""

from enum import Enum


class Reason(Enum):
    """Why a fetch failed: the word in the last line of output, and the exit code."""

    INTERNAL = "InternalError", 1
    INVALID = "InvalidRequest", 2
    """An address, an option or a setting that cannot be used as it stands."""
    NOT_FOUND = "NotFound", 3
    DENIED = "AccessDenied", 4
    """Credentials are missing, wrong, or do not suffice."""
    DIGEST = "DigestMismatch", 5
    TOO_LARGE = "TooLarge", 6
    NO_SPACE = "NoSpace", 7
    UNSAFE = "UnsafeContent", 8
    """A name that would leave the folder, an archive that would, a redirect to another protocol."""
    UNAVAILABLE = "Unavailable", 9
    """The source did not answer, or broke off, as often as was tried."""
    CHANGED = "SourceChanged", 10
    """The source gave other content than it had announced. The next run starts anew."""

    def __init__(self, word: str, code: int) -> None:
        self.word = word
        self.code = code


class FetchError(Exception):
    """Ends the fetch. Its text says where, what was found and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TransientError(Exception):
    """May pass by itself: tried again for a while."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait as the server asks, None where it did not."""
