"""Commands: one annotation, `<verb>/<revision>/<nonce>`, that acts once."""

from dataclasses import dataclass
from enum import StrEnum

MAX_COMMAND = 128
"""Characters of the annotation that are read; status remembers them."""


class Verb(StrEnum):
    """What a person can ask for."""

    PROMOTE = "promote"
    ABORT = "abort"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    SKIP_STEP = "skip-step"


@dataclass(frozen=True, slots=True)
class Command:
    """A parsed command; `text` is the annotation, which tells one command from the next."""

    verb: Verb
    revision: str
    text: str


def parse(text: str) -> Command:
    """Return the command that an annotation holds.

    Raises:
        ValueError: the text is not `<verb>/<revision>/<nonce>` with a known verb.
    """
    parts = text.split("/")
    if len(parts) != 3 or parts[0] not in set(Verb) or not parts[1] or not parts[2]:
        verbs = ", ".join(Verb)
        raise ValueError(f"{text!r} is not <verb>/<revision>/<nonce> with a verb of {verbs}")
    return Command(Verb(parts[0]), parts[1], text)
