"""When Python searches for garbage: nearly all that is made here goes by itself, when nothing refers to it any more."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 50_000
"""Objects that are made before the youngest are searched; Python's own 700 are a search each millisecond."""


def search_seldom() -> None:
    """Search less often from now on: for a program that judges a thousand rollouts it is a twentieth of the CPU."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the search away: a large answer makes a million objects and no garbage among them.

    Nor are they searched one by one as the youngest afterwards: all there is joins the oldest generation.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()
