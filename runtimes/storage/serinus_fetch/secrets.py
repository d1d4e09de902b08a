"""Credentials never reach the output, whatever an error of a library may hold."""

import re
from collections.abc import Mapping
from urllib.parse import quote

HOLDS_SECRET = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|_KEY$|_KEY_ID$")
SHORTEST = 6
"""Characters. Hiding less would garble ordinary words."""


class Hidden:
    """The values of variables whose names say that they are secret."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {value for name, value in environ.items() if HOLDS_SECRET.search(name) and len(value) >= SHORTEST}
        values |= {quote(value, safe="") for value in values}
        self._pattern = re.compile(
            "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True)) or r"(?!)"
        )

    def out_of(self, text: str) -> str:
        """Return the text with stars in their place."""
        return self._pattern.sub("***", text)
