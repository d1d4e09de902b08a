"""Versions of models in an MLflow registry, by its REST API: where their files lie, and those it hands out itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from urllib.parse import quote, urlsplit

from serinus_fetch.address import Address, RegistryAddress, parsed, shown
from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import Item, Listing, Source
from serinus_fetch.sources.http import Http
from serinus_fetch.sources.web import credentials

REMEDY = "Put MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, into the Secret."


class RegistrySource:
    """A version of a registered model, wherever the registry keeps its files."""

    def __init__(
        self,
        address: RegistryAddress,
        environ: Mapping[str, str],
        find: Callable[[Address, Mapping[str, str]], Source],
    ) -> None:
        self._address = address
        self._environ = environ
        self._find = find
        self._name = f"models:/{address.name}/{address.version}"
        self._server = environ.get("MLFLOW_TRACKING_URI", "").rstrip("/")
        if not self._server.startswith(("http://", "https://")):
            raise FetchError(
                Reason.INVALID,
                f"{self._name}: MLFLOW_TRACKING_URI is {shown(self._server)!r}. Set it to the registry's http:// or"
                " https:// address (chart value mlflow.trackingUri).",
            )
        auth = credentials(environ, "MLFLOW_TRACKING")
        self._http = Http(REMEDY, auth=auth, plain=self._server.startswith("http://"))
        self._behind: Source | None = None

    def listing(self) -> Listing:
        """Ask the registry where the files lie, and there for the files. See Source."""
        url = f"{self._server}/api/2.0/mlflow/model-versions/get-download-uri"
        document = self._http.document(url, self._name, name=self._address.name, version=self._address.version)
        where = str(document.get("artifact_uri") or "")
        self._behind = self._source(where)
        return self._behind.listing()

    def read(self, item: Item, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file. See Source."""
        if self._behind is None:
            raise RuntimeError("the listing comes first")
        return self._behind.read(item, offset)

    def _source(self, where: str) -> Source:
        """Return the source of the files of a version."""
        parts = urlsplit(where)
        if parts.scheme == "mlflow-artifacts":
            return ProxySource(self._http, self._server, where, self._name)
        if parts.scheme in {"s3", "gs"}:
            return self._find(parsed(where), self._environ)
        raise FetchError(
            Reason.INVALID,
            f"{self._name}: the registry keeps it at {shown(where)!r}, which only its own machine can read. Start MLflow"
            " with --artifacts-destination, or keep artifacts in s3:// or gs://, and log the model again.",
        )


class ProxySource:
    """Files that MLflow hands out from its own store (`mlflow-artifacts:`)."""

    def __init__(self, http: Http, server: str, where: str, name: str) -> None:
        self._http = http
        self._name = name
        parts = urlsplit(where)
        if parts.netloc and parts.netloc != urlsplit(server).netloc:
            raise FetchError(
                Reason.INVALID,
                f"{name}: its files are handed out by {parts.netloc}, which is not {shown(server)}. Credentials go to"
                " the registry that the operator names only.",
            )
        self._root = parts.path.strip("/")
        self._artifacts = f"{server}/api/2.0/mlflow-artifacts/artifacts"

    def listing(self) -> Listing:
        """Ask folder by folder. See Source."""
        return Listing(tuple(self._below("")), folder=True)

    def read(self, item: Item, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file. See Source."""
        return self._http.read(item, offset)

    def _below(self, folder: str) -> Iterator[Item]:
        path = f"{self._root}/{folder}".rstrip("/")
        for entry in self._http.document(self._artifacts, self._name, path=path).get("files", []):
            inner = f"{folder}/{entry['path']}".lstrip("/")
            if entry.get("is_dir"):
                yield from self._below(inner)
            else:
                size = int(entry["file_size"]) if "file_size" in entry else None
                yield Item(inner, f"{self._artifacts}/{quote(f'{self._root}/{inner}')}", size, None)
