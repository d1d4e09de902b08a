"""Shifts the time of day of one process by what a file says, as a wrong clock that somebody sets would."""

import os
import time
from pathlib import Path

_right = time.time  # noqa: TID251 - this is the clock
_shift = Path(os.environ["TEST_CLOCK"])


def _shifted() -> float:
    return _right() + float(_shift.read_text())


time.time = _shifted  # noqa: TID251 - this is the clock
