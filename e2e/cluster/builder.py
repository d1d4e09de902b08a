"""`docker build`, and the label that tells what an image was made of."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import cache
from cluster.console import Failure, run

LABEL = "serinus.dev/key"


def label(name: str) -> str | None:
    """The key that an image carries, "" on a published one, None without an image."""
    asked = '{{with .Config.Labels}}{{index . "' + LABEL + '"}}{{end}}'
    try:
        return run(["docker", "image", "inspect", "--format", asked, name]).strip()
    except Failure:
        return None


def build(name: str, context: Path, key: str) -> None:
    """Build `context` (its Containerfile) on the host's network as `name`."""
    command: list[str | Path] = ["docker", "build", "--network", "host", "--tag", name]
    command += ["--label", f"{LABEL}={key}", "--file", context / "Containerfile", context]
    run(command, log=cache.log("image-" + name.replace("/", "-").replace(":", "-")))


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder in the cache for large passing files, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=cache.folder("work")) as folder:
        yield Path(folder)
