"""Images of this project: built once per content, and brought into a cluster's node."""

import hashlib
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import cache, standins
from cluster.builder import build_archive, label, prune, workspace
from cluster.console import run, step
from cluster.ignore import Ignore
from cluster.local import Local

LABEL = "serinus.dev/content"
CONTAINERFILE = ".Containerfile"
# One time for every file: the archive's hash is then over content alone. Not
# 1970, which Python's wheel builders cannot write into a zip.
MODIFIED = 1_700_000_000


@dataclass(frozen=True)
class Source:
    """An image to be: its tag, its Containerfile and the folder it is built from."""

    tag: str
    file: Path
    context: Path


@dataclass(frozen=True)
class Built:
    """An image in Docker and the hash of all that went into it."""

    tag: str
    key: str

    @property
    def reference(self) -> str:
        """The tag as containerd writes it."""
        head, slash, _ = self.tag.partition("/")
        if not slash:
            return f"docker.io/library/{self.tag}"
        is_host = "." in head or ":" in head or head == "localhost"
        return self.tag if is_host else f"docker.io/{self.tag}"


def build(source: Source) -> Built:
    """Build an image unless Docker holds it with this very content."""
    stands_on = [_base(name) for name in bases(source.file)]
    with workspace() as folder:
        archive = folder / "context.tar"
        _pack(source, archive)
        with archive.open("rb") as packed:
            content = hashlib.file_digest(packed, "sha256").hexdigest()
        made = Built(source.tag, cache.digest([source.tag, content, *stands_on]))
        if label(source.tag, LABEL) != made.key:
            with step(f"building the image {source.tag}"):
                build_archive(source.tag, archive, CONTAINERFILE, f"{LABEL}={made.key}")
            prune(LABEL)
    return made


def load(cluster: Local, images: Sequence[Built]) -> None:
    """Bring images into the node, those that it lacks and in one go."""
    listed = cluster.containerd("list")
    missing = [image for image in images if f"{LABEL}={image.key}" not in listed]
    if not missing:
        return
    with step(f"loading {', '.join(image.tag for image in missing)}"):
        cluster.take([image.tag for image in missing])
        for image in missing:
            cluster.containerd("label", image.reference, f"{LABEL}={image.key}")


def known() -> list[str]:
    """The tags of every image that was built here."""
    wanted = ["--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}"]
    return sorted(tag for tag in run(["docker", "images", *wanted]).split() if "<none>" not in tag)


def bases(file: Path) -> list[str]:
    """The images that a Containerfile starts from, its own stages left out."""
    text = file.read_text()
    found = re.findall(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", text, re.MULTILINE | re.IGNORECASE)
    stages = {stage for _, stage in found}
    return [name for name, _ in found if name not in stages and name != "scratch"]


def _base(name: str) -> str:
    """The identity of a base image, brought into Docker when it is not there."""
    if name in standins.NAMES:
        standins.ensure(name)
    elif label(name) is None:
        run(["docker", "pull", "--quiet", name])
    return run(["docker", "image", "inspect", "--format", "{{.Id}}", name]).strip()


def _pack(source: Source, archive: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        for path in Ignore.of(source.context).walk():
            tar.add(source.context / path, path, recursive=False, filter=_anonymous)
        tar.add(source.file, CONTAINERFILE, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time, which are not content."""
    mode = 0o755 if member.mode & 0o100 else 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime, member.mode = MODIFIED, mode
    return member
