"""Text in colours, cut to the width of the terminal."""

from collections.abc import Sequence
from typing import NamedTuple

CODES = {"": "", "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: str = ""


Line = Sequence[Span]


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line)


def render(line: Line, width: int) -> str:
    """Return a line with ANSI styles that fills no more than `width` columns."""
    parts, left = [], width
    for text, style in line:
        piece = text if len(text) <= left else text[: max(0, left - 1)] + "…"
        left -= len(piece)
        parts.append(f"\x1b[{CODES[style]}m{piece}\x1b[0m" if style else piece)
        if left <= 0:
            break
    return "".join(parts)


def bar(share: float, width: int) -> tuple[str, str]:
    """Return the full and the empty part of a bar."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full, "░" * (width - full)
