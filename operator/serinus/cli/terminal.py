"""Where rich output goes. Importing this imports rich, which takes a while: only views need it."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live

from serinus.cli.trouble import Exit, Trouble

PIPED = 160
"""Width where there is no terminal."""
EVERY = 1.0
"""Seconds between two looks of a live view."""


def console() -> Console:
    """Return the terminal; what the cluster says is text and never markup."""
    found = Console(markup=False, emoji=False, highlight=False)
    return found if found.is_terminal else Console(markup=False, emoji=False, highlight=False, width=PIPED)


def live(look: Callable[[], RenderableType], mistake: Callable[[str], RenderableType]) -> None:
    """Show a view that is looked at anew every second, until Ctrl-C; then its last state stays.

    Args:
        look: returns the view; a Trouble with the cluster is shown below the last one, and it goes on.
        mistake: turns what went wrong into text.

    Raises:
        Trouble: the object is gone.
    """
    from rich.console import Group

    out, shown = console(), look()
    try:
        with Live(shown, console=out, screen=True, auto_refresh=False, vertical_overflow="crop") as area:
            while True:
                time.sleep(EVERY)
                try:
                    shown = look()
                    area.update(shown, refresh=True)
                except Trouble as trouble:
                    if trouble.exit_code == Exit.UNFIT:
                        raise
                    area.update(Group(shown, mistake(trouble.message)), refresh=True)
    except KeyboardInterrupt:
        out.print(shown)
