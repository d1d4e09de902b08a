"""What was built stays outside the checkout, keyed by what it was built from.

A build writes beside its target and is renamed when complete: a killed run
leaves nothing that looks finished. A lock per target lets two runs at the
same time share one build.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.console import say

HERE = Path(__file__).parent


def root() -> Path:
    """The cache folder, $SERINUS_CACHE or ~/.cache/serinus."""
    chosen = os.environ.get("SERINUS_CACHE")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "serinus"
    return folder.absolute()


def folder(*parts: str) -> Path:
    """A folder in the cache, made when absent."""
    path = root().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def log(name: str) -> Path:
    """A fresh log file for one step."""
    path = folder("logs") / f"{name}.log"
    path.write_text("")
    return path


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Let one process at a time into what `name` stands for."""
    with (folder("locks") / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that works on {name} ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def once(target: Path, build: Callable[[Path], None]) -> Path:
    """`target`, made by `build(partial)` when it is not there yet."""
    if target.exists():
        return target
    with lock(target.name):
        if not target.exists():
            partial = target.with_name(f".{target.name}.partial")
            remove(partial)
            target.parent.mkdir(parents=True, exist_ok=True)
            build(partial)
            partial.replace(target)
    return target


def remove(path: Path) -> None:
    """Delete a file or a tree, there or not."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(parts: Iterable[str | Path]) -> str:
    """A short name for texts and for the files (or trees of files) given as paths."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(f"{len(part)}:{part}".encode())
            continue
        for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
            if path.is_file():
                total.update(f"{path.relative_to(part)}:{path.stat().st_mode & 0o111}:".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:12]
