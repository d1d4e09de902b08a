"""`docker build`, and the label that tells what an image was made of."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import cache
from cluster.console import ClusterError, run

LABEL = "serinus.dev/key"


def label(name: str, key: str = LABEL) -> str | None:
    """A label of an image, "" when it has none, None without an image."""
    asked = '{{with .Config.Labels}}{{index . "' + key + '"}}{{end}}'
    try:
        return run(["docker", "image", "inspect", "--format", asked, name]).strip()
    except ClusterError:
        return None


def build(name: str, context: Path, key: str) -> None:
    """Build a folder with a Containerfile as `name`, labelled with its key."""
    with workspace() as folder:
        archive = folder / "context.tar"
        run(["tar", "--create", "--file", archive, "--directory", context, "."])
        build_archive(name, archive, "Containerfile", f"{LABEL}={key}")


def build_archive(name: str, archive: Path, file: str, marked: str) -> None:
    """Build a packed context on the host's network, where package registries answer."""
    command = ["docker", "build", "--network", "host", "--tag", name, "--label", marked]
    log = cache.log("image-" + name.replace("/", "-").replace(":", "-"))
    with archive.open("rb") as context:
        run([*command, "--file", file, "-"], log=log, stdin=context)


def prune(marked: str) -> None:
    """Remove what newer builds replaced, but nothing that a build may still be using."""
    old = ["--filter", f"label={marked}", "--filter", "until=30m"]
    run(["docker", "image", "prune", "--force", *old])


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder in the cache for large passing files, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=cache.folder("work")) as folder:
        yield Path(folder)
