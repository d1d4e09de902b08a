"""Killed at any step of the end, a target has its record only while it holds what the record says."""

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import complete, contents
from serinus_fetch.errors import FetchError
from serinus_fetch.listing import Item, Listing
from serinus_fetch.place import Place, Record

OLD = {"MLmodel": b"old", "data/model": b"old", "only-old": b"old"}
NEW = {"MLmodel": b"new", "data/model": b"new", "only-new/x/y": b"new"}


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let so many changes of the disk happen, and none after them."""
    left = itertools.count(steps, -1)

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            if next(left) <= 0:
                raise Killed
            return change(*args, **options)

        return run

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "mkdir"), (shutil, "rmtree")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield


def bring(target: Path, files: dict[str, bytes], uri: str) -> None:
    """Do what a fetch does, with files that need no source."""
    place = Place(target)
    place.prepare()
    place.resume(uri, Listing(tuple(Item(path, path, len(body), None) for path, body in files.items()), folder=True))
    for path, body in files.items():
        (place.content / path).parent.mkdir(parents=True, exist_ok=True)
        (place.content / path).write_bytes(body)
    sums = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    place.finish(Record(uri, "sha256:" + "0" * 64, 3, sums))


def sound(target: Path) -> None:
    """Check that a target that looks complete is one of the two."""
    if complete(target):
        record = Place(target).complete()
        assert record is not None
        assert contents(target) == {"s3://old": OLD, "s3://new": NEW}[record.uri]


def test_killed_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for steps in itertools.count():
        target = tmp_path / str(steps)
        bring(target, OLD, "s3://old")
        try:
            with killed_after(steps, monkeypatch):
                bring(target, NEW, "s3://new")
        except Killed:
            sound(target)
            with pytest.raises(Killed), killed_after(2, monkeypatch):  # and the next one, too
                bring(target, NEW, "s3://new")
            sound(target)
            bring(target, NEW, "s3://new")
            assert contents(target) == NEW
            assert complete(target)
        else:
            break
    assert steps > 10
    assert contents(target) == NEW


def test_a_target_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match=r"file/models: Not a directory\. Give a folder"):
        Place(tmp_path / "file" / "models").prepare()
