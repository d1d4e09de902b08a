"""Times and durations as people write them on the command line."""

from __future__ import annotations

from serinus.analysis import Weight
from serinus.api import durations
from serinus.cli.lines import Broken, read_time


def duration(option: str, text: str) -> float:
    """Return seconds.

    Raises:
        Broken: naming the option.
    """
    try:
        found = durations.parse(text)
    except ValueError as error:
        raise Broken(f"{option}: {error}") from None
    if not isinstance(found, float) or found <= 0:
        raise Broken(f"{option}: {text!r} must be longer than nothing")
    return found


def moment(option: str, text: str) -> float:
    """Return Unix seconds of a number or an RFC 3339 time.

    Raises:
        Broken: naming the option.
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return read_time(text)
    except ValueError as error:
        raise Broken(f"{option}: {error}") from None


def weights(texts: tuple[str, ...], start: float, *, alone: bool = False) -> tuple[Weight, ...]:
    """Return the changes that `T=PERCENT` texts describe, in order of time.

    Args:
        texts: as given; T may also be a duration.
        start: what a duration is counted from.
        alone: no weight is needed.

    Raises:
        Broken: one cannot be read, or none gives the canary anything.
    """
    found = []
    for text in texts:
        time, _, percent = text.rpartition("=")
        try:
            share = float(percent) / 100
            found.append(Weight(_moment_or_after(time, start), share))
        except ValueError:
            raise Broken(f"--weight: {text!r} must be a time, =, and a percentage from 0 to 100, as in 60s=5") from None
    if not alone and not any(weight.share > 0 for weight in found):
        raise Broken("--weight is missing: expected at least one, such as 60s=5 for 5 % from a minute after --start on")
    return tuple(sorted(found, key=lambda weight: weight.time))


def _moment_or_after(text: str, start: float) -> float:
    try:
        after = durations.parse(text)
    except ValueError:
        return moment("--weight", text)
    return start + after if isinstance(after, float) else moment("--weight", text)
