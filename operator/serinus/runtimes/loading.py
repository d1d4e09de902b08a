"""Reads the catalogue: once, when the operator starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from serinus.runtimes.catalogue import OWN_SERVER, Catalogue, catalogue

FULL = "full"
"""What a format of our own server names instead of an image when it needs all libraries."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images of our own in models' pods: the usual server, the one with all libraries, what fetches, what logs."""

    server: str
    server_full: str
    storage: str
    logger: str


def load(over: str, images: Images, tracking_uri: str = "") -> Catalogue:
    """Return the catalogue of the package, with a file laid over it, the images of our own and the registry.

    Raises:
        SystemExit: the file cannot be read, or what it makes is no catalogue; the message says what and where.
    """
    built_in = yaml.safe_load(resources.files(__package__).joinpath("catalogue.yaml").read_text())
    built_in["fetcher"] |= {"image": images.storage, "trackingUri": tracking_uri}
    built_in["logger"] |= {"image": images.logger}
    own = built_in["runtimes"][OWN_SERVER]
    own["image"] = images.server
    for adjustment in own["formats"].values():
        if adjustment.get("image") == FULL:
            adjustment["image"] = images.server_full
    try:
        return catalogue(built_in, _read(Path(over)) if over else {})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].removeprefix('Value error, ')} (it is {str(detail['input'])[:80]!r})"
            for detail in error.errors()[:5]
        )
        raise SystemExit(f"SERINUS_RUNTIMES: {over}: {wrong}") from None
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise SystemExit(f"SERINUS_RUNTIMES: {over} is no catalogue of runtimes: {error}") from None


def _read(path: Path) -> Mapping[str, Any]:
    found: Any = yaml.safe_load(path.read_text())
    if found is not None and not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and no mapping")
    return found or {}
