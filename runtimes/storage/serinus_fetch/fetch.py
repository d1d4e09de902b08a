"""Brings a model into a folder: ask what there is, check, move, check, put in place."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from serinus_fetch import archive, digest, dvc
from serinus_fetch.address import parsed, shown
from serinus_fetch.budget import Budget
from serinus_fetch.budget import shown as amount
from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import Item, Listing, checked
from serinus_fetch.place import Place, Record
from serinus_fetch.progress import Progress
from serinus_fetch.retry import Attempts, Patience, patiently
from serinus_fetch.sources.find import found
from serinus_fetch.transfer import Transfer

AT_ONCE = 4
"""Files that are read at the same time."""
SPOILT = {Reason.DIGEST, Reason.CHANGED, Reason.UNSAFE}
"""Failures after which nothing of what came is gone on with."""


@dataclass(frozen=True)
class Request:
    """What is to be brought where."""

    uri: str
    target: Path
    digest: str | None = None
    """`sha256:<hex>` of the file as it is fetched, or of the folder; None: any content will do."""
    max_bytes: int | None = None
    """What the model may have, None for no limit but the disk."""
    data_version: str | None = None
    """A DVC file of the model, relative to the target, whose hash is the version of its data; None: nobody asks."""


def fetch(request: Request, environ: Mapping[str, str], say: Callable[[str], None], patience: Patience) -> Record:
    """Bring a model into a folder, whole or not at all.

    Args:
        request: what is to be brought where.
        environ: holds credentials and endpoints.
        say: takes lines for people.
        patience: how often something is tried again.

    Returns:
        What lies in the target now.

    Raises:
        FetchError: it failed; the target has no record, or that of an earlier fetch.
    """
    name = shown(request.uri)
    wanted = digest.parsed(request.digest) if request.digest else None
    address = parsed(request.uri)
    place = Place(request.target)
    place.prepare()
    present = place.complete()
    if wanted and present and _meant(present, request, name, wanted) and _intact(place, present):
        say(f"{name}: is here already, and of this digest")
        place.leave()
        return present
    source = found(address, environ)
    listing = checked(patiently(source.listing, Attempts(name, patience, say)), name)
    say(f"{name}: {_described(listing)}")
    place.resume(name, listing)
    transfer = Transfer(source, name, Budget(name, request.max_bytes, place.content), patience, say)
    try:
        record = _bring(listing, place, transfer, request, wanted)
    except FetchError as error:
        if error.reason in SPOILT:
            place.leave()
        raise
    place.finish(record)
    return record


def _bring(listing: Listing, place: Place, transfer: Transfer, request: Request, wanted: str | None) -> Record:
    """Write the files beside the target and check them."""
    (first, *_), name = listing.items, transfer.name
    packed = not listing.folder and archive.is_archive(first.path)
    paths = {item: place.archive if packed else place.content / item.path for item in listing.items}
    if listing.size is not None:
        here = sum(path.stat().st_size for path in paths.values() if path.exists())
        transfer.budget.announce(listing.size, here)
    with Progress(transfer.budget, listing.size, transfer.say):
        sums = _all(transfer, paths)
    fetched = digest.of_folder(sums) if listing.folder else sums[first.path]
    if wanted not in {None, fetched}:
        raise FetchError(
            Reason.DIGEST,
            f"{name}: has the digest sha256:{fetched}, sha256:{wanted} was expected. If the new content is meant,"
            " write its digest; otherwise find out who changed it.",
        )
    size = transfer.budget.spent
    if packed:
        place.empty()
        unpacked = Budget(name, request.max_bytes, place.content)
        archive.unpack(place.archive, place.content, name, unpacked)
        sums, size = _sums(place.content), unpacked.spent
    told = dvc.hash_of(place.content, request.data_version, name) if request.data_version else ""
    return Record(name, f"sha256:{fetched}", size, sums, told)


def _all(transfer: Transfer, paths: Mapping[Item, Path]) -> dict[str, str]:
    """Fetch all files, some at a time, and return their SHA-256. The first failure ends all."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {pool.submit(transfer.fetch, item, path): item for item, path in paths.items()}
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        if error := next((error for future in done if (error := future.exception())), None):
            transfer.budget.close(error)
            pool.shutdown(cancel_futures=True)
            raise error
    return {item.path: future.result() for future, item in futures.items()}


def _meant(present: Record, request: Request, name: str, wanted: str) -> bool:
    """Tell whether what lies in a complete target is what is asked for."""
    told = bool(present.data_version) == bool(request.data_version)
    return told and (present.uri, present.digest) == (name, f"sha256:{wanted}")


def _intact(place: Place, record: Record) -> bool:
    """Tell whether what a complete target holds is what was put there."""
    try:
        return all(digest.of_file(place.path(path)) == sha256 for path, sha256 in record.files.items())
    except OSError:
        return False


def _sums(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): digest.of_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _described(listing: Listing) -> str:
    count = "1 file" if len(listing.items) == 1 else f"{len(listing.items)} files"
    return count if listing.size is None else f"{count}, {amount(listing.size)}"
