"""Where the demo is shown: a terminal that is redrawn, or a log that only grows."""

import shutil
import sys
from typing import TextIO

from demo.style import render
from demo.view import Frame, change_key, compact, happening_text, lines

QUIET, REDRAW = 5.0, 1.0


class Screen:
    """Notes stay; the view below them is redrawn on a terminal and told in lines elsewhere."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._drawn = 0
        self._key: tuple[object, ...] = ()
        self._shown_at = 0.0
        self._told_events = 0

    def note(self, text: str = "") -> None:
        """Say something that stays."""
        self._erase()
        print(text, file=self._out, flush=True)

    def title(self, text: str) -> None:
        """Begin a part of the demo."""
        self.note(f"\n\x1b[1m== {text}\x1b[0m" if self._live else f"\n== {text}")

    def show(self, frame: Frame) -> None:
        """Show what is known now."""
        for_log = not self._live
        key = change_key(frame)
        if key == self._key and frame.now - self._shown_at < (QUIET if for_log else REDRAW):
            return
        self._key, self._shown_at = key, frame.now
        if for_log:
            self._tell(frame)
        else:
            self._draw(frame)

    def leave(self) -> None:
        """Let the last frame stand."""
        self._drawn = 0

    def _draw(self, frame: Frame) -> None:
        width = shutil.get_terminal_size().columns
        rows = [render(line, width - 1) for line in lines(frame)]
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._out.write(up + "".join(f"{row}\x1b[K\n" for row in rows) + "\x1b[J")
        self._out.flush()
        self._drawn = len(rows)

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _tell(self, frame: Frame) -> None:
        for event in frame.scene.happenings[self._told_events :]:
            self.note("       " + happening_text(event.at, event.reason, event.message))
        self._told_events = len(frame.scene.happenings)
        self.note(compact(frame))
