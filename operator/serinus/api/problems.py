"""What pydantic finds wrong in a spec, in the words of the operator."""

from pydantic import ValidationError

Place = tuple[int | str, ...]
"""Where a value stands: keys and indexes from the spec on."""


def found(error: ValidationError) -> list[tuple[Place, str]]:
    """Return each thing that is wrong: where, and in words with the value and what is allowed."""
    return [
        (
            detail["loc"],
            f"{detail['msg'].removeprefix('Value error, ')} (it is {str(detail['input'])[:80]!r})",
        )
        for detail in error.errors()
    ]


def path(place: Place) -> str:
    """Return the path of a place as people write it.

    >>> path(("rollout", "steps", 0, "weight"))
    'spec.rollout.steps[0].weight'
    """
    return "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
