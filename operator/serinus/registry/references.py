"""Addresses of models in a registry: `models:/name/7`, `models:/name@alias`, `models:/name/latest`."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

SCHEME = "models:/"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Reference:
    """What an address names: one of `version`, `alias` and neither, which is the latest version."""

    name: str
    """As the address writes it, percent-encoded where it has to be."""
    version: str = ""
    alias: str = ""

    @property
    def model(self) -> str:
        """Return the name as the registry knows it."""
        return unquote(self.name)

    @property
    def moves(self) -> bool:
        """Tell whether it can mean another version later."""
        return not self.version

    def pinned(self, version: str) -> str:
        """Return the address of a version of the same model."""
        return f"{SCHEME}{self.name}/{version}"

    def __str__(self) -> str:
        """Return the address."""
        end = f"@{self.alias}" if self.alias else f"/{self.version or LATEST}"
        return f"{SCHEME}{self.name}{end}"


def reference(uri: str) -> Reference:
    """Return what an address names.

    Raises:
        ValueError: it is none of the three forms; the message says what to write.
    """
    match = re.fullmatch(rf"{SCHEME}([^/@\s]+)(?:@([^/@\s]+)|/([1-9][0-9]*|{LATEST}))", uri)
    if match is None:
        raise ValueError(
            f"{uri!r} names no version: write models:/name/7, models:/name@alias or models:/name/latest"
            " (stages such as Production have gone from MLflow)"
        )
    name, alias, version = match.groups()
    return Reference(name, "" if version in (None, LATEST) else version, alias or "")
