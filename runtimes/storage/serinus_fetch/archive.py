"""Archives: unpacked without ever leaving the folder."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from serinus_fetch.budget import Budget
from serinus_fetch.digest import CHUNK
from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import check_path

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip")
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is unpacked."""
    return name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, name: str, budget: Budget) -> None:
    """Unpack the files of an archive into a folder. Owners, modes and times in it are left aside.

    Raises:
        FetchError: it is damaged, has more than there is room for, a name leaves the folder or comes twice, or
            something in it is neither file nor folder.
    """
    members = _zipped if zipfile.is_zipfile(archive) else _tarred
    empty = True
    try:
        for path, file in members(archive, name):
            check_path(path, name)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with file, target.open("xb") as out:
                while chunk := file.read(CHUNK):
                    budget.spend(len(chunk))
                    out.write(chunk)
            empty = False
    except (FileExistsError, NotADirectoryError) as error:
        raise FetchError(
            Reason.UNSAFE, f"{name}: {path!r} is in it twice, or as file and folder. Pack it anew."
        ) from error
    except DAMAGED as error:
        raise FetchError(Reason.UNSAFE, f"{name}: cannot be unpacked: {error}. Pack it anew.") from error
    if empty:
        raise FetchError(Reason.NOT_FOUND, f"{name}: there is no file in the archive. Check the address.")


def _tarred(archive: Path, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isdir():
                continue
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                raise _odd(name, member.name)
            yield member.name.removeprefix("./"), file


def _zipped(archive: Path, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if member.is_dir():
                continue
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                raise _odd(name, member.filename)
            yield member.filename, zipped.open(member)


def _odd(name: str, member: str) -> FetchError:
    return FetchError(Reason.UNSAFE, f"{name}: {member!r} is a link or a device. Pack files and folders only.")
