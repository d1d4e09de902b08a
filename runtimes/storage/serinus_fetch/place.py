"""The target folder: nothing in it looks complete before it is.

While a fetch is under way everything lies in `.serinus-fetch/` in the target, on the same disk, so that the end is
renames. The last one puts the record `.serinus-fetch.json` there: a target with the record is complete, one without is
not. A run that was killed is taken up by the next one: between two files, within a file, or between two renames.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import OWN, Listing


@dataclass(frozen=True)
class Record:
    """What lies in a target."""

    uri: str
    digest: str
    """`sha256:` and hexadecimal digits."""
    size: int
    """Bytes of all files."""
    files: dict[str, str]
    """Relative path to SHA-256, as they lie there: unpacked."""
    data_version: str = ""
    """What a DVC file among them says of the data; empty where nobody asked."""

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))


class Place:
    """A target folder on its way from empty to complete."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._work = target / OWN
        self._plan = self._work / "plan.json"
        self._ready = self._work / "record.json"
        self._record = target / f"{OWN}.json"
        self.content = self._work / "content"
        """Where the files are written."""
        self.archive = self._work / "archive"
        """Where an archive is written before it is unpacked into `content`."""

    def prepare(self) -> None:
        """Make the target, and end what a killed run had only left to rename.

        Raises:
            FetchError: it cannot be written, or holds files that are not ours.
        """
        try:
            self._target.mkdir(parents=True, exist_ok=True)
            present = {path.name for path in self._target.iterdir()}
            if present and not present & {self._work.name, self._record.name} and present != {"lost+found"}:
                raise FetchError(
                    Reason.INVALID,
                    f"{self._target}: holds {min(present)!r}, which no fetch has brought. Give an empty folder.",
                )
            self._work.mkdir(exist_ok=True)
        except OSError as error:
            raise FetchError(
                Reason.INVALID, f"{self._target}: {error.strerror}. Give a folder that this user may write."
            ) from error
        if self._ready.exists():
            self._move()
            self._work.mkdir()

    def complete(self) -> Record | None:
        """Return what lies in the target, None where it is not complete."""
        try:
            return Record(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def path(self, relative: str) -> Path:
        """Return where a file of a complete target lies."""
        return self._target / relative

    def resume(self, uri: str, listing: Listing) -> None:
        """Keep what an earlier run has brought of this very listing, and drop everything else."""
        plan = json.dumps({"uri": uri, "listing": asdict(listing)})
        if not self._plan.exists() or self._plan.read_text() != plan:
            shutil.rmtree(self._work)
            self._work.mkdir()
            _write(self._plan, plan)
        self.content.mkdir(exist_ok=True)

    def empty(self) -> None:
        """Drop the content: what a killed run has unpacked may be incomplete."""
        shutil.rmtree(self.content)
        self.content.mkdir()

    def finish(self, record: Record) -> None:
        """Put the content in place. A run that is killed in here is taken up by the next `prepare`."""
        self.archive.unlink(missing_ok=True)
        _write(self._ready, record.to_json())
        self._move()

    def leave(self) -> None:
        """Remove what is only of use to a fetch under way, so that the next one starts anew."""
        shutil.rmtree(self._work)

    def _move(self) -> None:
        """Replace what lies in the target by the content, name by name, and the record at last."""
        record = Record(**json.loads(self._ready.read_text()))
        self._record.unlink(missing_ok=True)
        wanted = {path.split("/")[0] for path in record.files}
        waiting = {path.name for path in self.content.iterdir()}
        for path in list(self._target.iterdir()):
            former = path.name not in wanted or path.name in waiting
            if former and path.name not in {self._work.name, "lost+found"}:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in list(self.content.iterdir()):
            path.rename(self._target / path.name)
        self._ready.rename(self._record)
        shutil.rmtree(self._work)


def _write(path: Path, text: str) -> None:
    """Write a file that is whole whenever it is there."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.rename(path)
