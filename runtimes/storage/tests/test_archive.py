"""Archives over HTTPS: unpacked, and never outside the folder."""

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Fetch, complete, contents
from web_server import Site

FILES = {"MLmodel": b"flavors: {}", "data/model.skops": b"model" * 1000}


def tarred(files: dict[str, bytes], mode: str = "w:gz", prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for path, body in files.items():
            info = tarfile.TarInfo(prefix + path)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return buffer.getvalue()


def link(kind: bytes, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("model")
        info.type = kind
        info.linkname = target
        tar.addfile(info)
    return buffer.getvalue()


def zipped_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("model")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("model.tar.gz", tarred(FILES)),
        ("model.tgz", tarred(FILES, prefix="./")),
        ("model.tar", tarred(FILES, "w")),
        ("model.tar.xz", tarred(FILES, "w:xz")),
        ("model.tar.bz2", tarred(FILES, "w:bz2")),
        ("model.ZIP", zipped(FILES)),
    ],
)
def test_an_archive_is_unpacked(web: Site, fetch: Fetch, target: Path, name: str, body: bytes) -> None:
    web.files[f"/{name}"] = body
    outcome = fetch(web.url(f"/{name}"), "--digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
    assert outcome.code == 0, outcome.message
    assert contents(target) == FILES
    assert outcome.report["bytes"] == sum(map(len, FILES.values()))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("up.tar", lambda: tarred({"good": b"", "../../evil": b"evil"}, "w")),
        ("absolute.tar.gz", lambda: tarred({"/tmp/evil": b"evil"})),
        ("up.zip", lambda: zipped({"a/../../evil": b"evil"})),
        ("symbolic.tar", lambda: link(tarfile.SYMTYPE, "/etc/passwd")),
        ("hard.tar", lambda: link(tarfile.LNKTYPE, "/etc/passwd")),
        ("device.tar", lambda: link(tarfile.CHRTYPE, "")),
        ("symbolic.zip", zipped_link),
        ("twice.tar", lambda: tarred({"a": b"1", "./a": b"2"}, "w")),
        ("both.tar", lambda: tarred({"a": b"1", "a/b": b"2"}, "w")),
        ("cut.tar.gz", lambda: tarred(FILES)[:-40]),
        ("damaged.tar.gz", lambda: gzip.compress(b"no archive")),
        ("damaged.zip", lambda: b"no archive"),
    ],
)
def test_an_archive_that_is_not_sound_is_refused(
    web: Site, fetch: Fetch, target: Path, name: str, make: Callable[[], bytes]
) -> None:
    web.files[f"/{name}"] = make()
    outcome = fetch(web.url(f"/{name}"))
    assert (outcome.code, outcome.reason) == (8, "UnsafeContent"), outcome.message
    assert contents(target) == {}
    assert not complete(target)
    assert not list(target.parent.rglob("evil"))


@pytest.mark.parametrize("name", ["bomb.tar.gz", "bomb.zip"])
def test_an_archive_that_unpacks_to_too_much(web: Site, fetch: Fetch, target: Path, name: str) -> None:
    huge = {"model": bytes(50_000_000)}
    web.files[f"/{name}"] = tarred(huge) if name.endswith("gz") else zipped(huge)
    outcome = fetch(web.url(f"/{name}"), "--max-bytes", "1000000")
    assert outcome.reason == "TooLarge"
    assert contents(target) == {}


def test_an_archive_without_files(web: Site, fetch: Fetch) -> None:
    web.files["/empty.zip"] = zipped({})
    assert fetch(web.url("/empty.zip")).reason == "NotFound"


def test_an_archive_whose_unpacking_broke_off_is_unpacked_anew(web: Site, fetch: Fetch, target: Path) -> None:
    files = {"small": b"1", "large": bytes(5_000_000)}
    web.files["/model.zip"] = zipped(files)
    assert fetch(web.url("/model.zip"), "--max-bytes", "1000000").reason == "TooLarge"
    assert (target / ".serinus-fetch" / "content" / "small").exists()
    assert fetch(web.url("/model.zip")).code == 0
    assert contents(target) == files
