"""Objects in a bucket: S3, what speaks like it, and Google Cloud Storage."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import GCSStore, S3Store

from serinus_fetch.address import ObjectAddress
from serinus_fetch.errors import FetchError, Reason, TransientError
from serinus_fetch.listing import Item, Listing

if TYPE_CHECKING:  # its types are not there at run time
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

CHUNK = 1 << 16
"""Bytes. What is collected when a transfer breaks off is lost, so it is not much."""
REMEDIES = {
    "s3": "Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into the Secret (AWS_SKIP_SIGNATURE=true for a public bucket).",
    "gs": "Put GOOGLE_SERVICE_ACCOUNT_KEY, the key file's text, into the Secret (GOOGLE_SKIP_SIGNATURE=true for a"
    " public bucket).",
}
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "GOOGLE_BASE_URL")
METADATA_SERVER = "169.254.169.254"


class ObjectSource:
    """An object, or all below a prefix."""

    def __init__(self, address: ObjectAddress, environ: Mapping[str, str]) -> None:
        self._address = address
        self._name = f"{address.scheme}://{address.bucket}"
        with self._judging(address.key):
            self._store = _store(address, environ)

    def listing(self) -> Listing:
        """Ask for the object, or for what lies below. See Source."""
        key = self._address.key
        prefix = f"{key.rstrip('/')}/".lstrip("/")
        refused: BaseError | FileNotFoundError | None = None
        with self._judging(key):
            if key and not key.endswith("/"):
                try:
                    return Listing((self._item(obstore.head(self._store, key), key.rpartition("/")[2]),), folder=False)
                except (BaseError, FileNotFoundError) as error:
                    refused = error
            # The answer to a HEAD has no room for a reason; the one to a list says why both were refused.
            found = [meta for page in obstore.list(self._store, prefix or None, chunk_size=1000) for meta in page]
            if not found and refused:
                raise refused
        folders = {str(folder) for meta in found for folder in PurePosixPath(meta["path"]).parents}
        return Listing(
            tuple(
                self._item(meta, meta["path"].removeprefix(prefix))
                for meta in found
                if meta["size"] or meta["path"] not in folders  # consoles make empty objects to show a folder
            ),
            folder=True,
        )

    def _item(self, meta: "ObjectMeta", path: str) -> Item:
        return Item(path, meta["path"], meta["size"], meta["e_tag"] or None)

    @contextmanager
    def read(self, item: Item, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open an object. See Source."""
        with self._judging(item.key):
            options: GetOptions = {"range": {"offset": offset}} if offset else {}
            if item.version is not None:
                options["if_match"] = item.version
            result = obstore.get(self._store, item.key, options=options)
            yield offset, result.stream(min_chunk_size=CHUNK)

    @contextmanager
    def _judging(self, key: str) -> Iterator[None]:
        """Tell final answers from those that may pass."""
        name, remedy = f"{self._name}/{key}", REMEDIES[self._address.scheme]
        try:
            yield
        except FileNotFoundError as error:
            raise FetchError(
                Reason.NOT_FOUND, f"{name}: there is no such object or bucket. Check the address."
            ) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise FetchError(Reason.DENIED, f"{name}: access denied. {remedy}") from error
        except PreconditionError as error:
            raise FetchError(
                Reason.CHANGED, f"{name}: changed while it was fetched. The next run starts anew."
            ) from error
        except (InvalidPathError, ValueError) as error:
            raise FetchError(
                Reason.UNSAFE, f"{name}: holds a name that is no path ({_short(error)}). Rename it."
            ) from error
        except BaseError as error:
            raise self._rest(error, name) from error

    def _rest(self, error: BaseError, name: str) -> Exception:
        """Read the answer out of an error that has no class of its own."""
        answer = _Answer.of(str(error))
        text, remedy = f"{name}: {answer.text}", REMEDIES[self._address.scheme]
        if METADATA_SERVER in str(error):
            return FetchError(
                Reason.DENIED, f"{name}: no credentials are set, and the cloud gives this pod none. {remedy}"
            )
        if "region" in answer.text:
            return FetchError(Reason.INVALID, f"{text}. Set AWS_REGION to the bucket's region.")
        if answer.code == "NoSuchBucket":
            return FetchError(Reason.NOT_FOUND, f"{text}. Check the address.")
        if 400 <= answer.status < 500 and answer.status not in {408, 429}:
            return FetchError(Reason.DENIED, f"{text}. {remedy}")
        if "credential" in answer.text:
            return FetchError(Reason.DENIED, f"{text}. {remedy}")
        return TransientError(answer.text)


@dataclass(frozen=True)
class _Answer:
    """What an error of the library says of a server's answer."""

    status: int
    """0: there was no answer."""
    code: str
    text: str

    @classmethod
    def of(cls, error: str) -> "_Answer":
        """Read the text of an error, which quotes the answer's document."""
        first = error.split("Debug source:", maxsplit=1)[0]
        status = re.search(r"status code: (\d{3})", first)
        code = re.search(r"<Code>(\w+)</Code>", first)
        message = re.search(r"<Message>([^<]*)</Message>", first)
        if not status:
            return cls(0, "", _short(first.rpartition(" - ")[2]))
        said = [code[1]] if code else []
        said += [unescape(message[1])] if message else []
        return cls(int(status[1]), code[1] if code else "", _short(f"answered {status[1]} {': '.join(said)}"))


def _store(address: ObjectAddress, environ: Mapping[str, str]) -> "ObjectStore":
    """Make a client. It reads its credentials from the environment by itself, and from the cloud it runs in."""
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(days=1),
    }
    if any(environ.get(name, "").startswith("http://") for name in ENDPOINTS):
        options["allow_http"] = True
    retry: RetryConfig = {"max_retries": 0}  # tried again here, with what came already
    kind = GCSStore if address.scheme == "gs" else S3Store
    return kind(address.bucket, client_options=options, retry_config=retry)


def _short(error: object) -> str:
    """Return the first sentence of an error that goes on with its innards."""
    text = str(error).strip().split("\n")[0]
    return text[:300].strip().rstrip(".")
