"""Repositories of models on the Hugging Face Hub, or on a server that speaks like it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError
from huggingface_hub.hf_api import RepoFile

from serinus_fetch.address import HubAddress
from serinus_fetch.errors import FetchError, Reason, TransientError
from serinus_fetch.listing import Item, Listing
from serinus_fetch.sources.http import Http, judged
from serinus_fetch.sources.web import Bearer

HUB = "https://huggingface.co"
REMEDY = "Put HF_TOKEN into the Secret, of an account that may read it."


class HubSource:
    """The files of a repository at one commit, which is found once."""

    def __init__(self, address: HubAddress, environ: Mapping[str, str]) -> None:
        self._address = address
        self._name = f"hf://{address.repository}@{address.revision}"
        self._endpoint = environ.get("HF_ENDPOINT", HUB).rstrip("/")
        token = environ.get("HF_TOKEN")
        self._api = HfApi(endpoint=self._endpoint, token=token or False, library_name="serinus-fetch")
        plain = self._endpoint.startswith("http://")
        self._http = Http(REMEDY, auth=Bearer(token) if token else None, plain=plain)

    def listing(self) -> Listing:
        """Ask for the commit behind the revision, and for its files. See Source."""
        repository, path = self._address.repository, self._address.path
        try:
            commit = self._api.model_info(repository, revision=self._address.revision).sha or self._address.revision
            tree = self._api.list_repo_tree(repository, recursive=True, revision=commit)
            files = [file for file in tree if isinstance(file, RepoFile)]
        except GatedRepoError as error:
            raise FetchError(Reason.DENIED, f"{self._name}: is gated. Ask for access on the Hub. {REMEDY}") from error
        except HfHubHTTPError as error:
            raise judged(error.response, self._name, REMEDY) or error from error
        except HFValidationError as error:
            raise FetchError(Reason.INVALID, f"{self._name}: {error}") from error
        except httpx2.TransportError as error:
            raise TransientError(f"{self._endpoint}: {error}") from error
        for file in files:
            if file.path == path:
                return Listing((self._item(file, path.rpartition("/")[2], commit),), folder=False)
        prefix = f"{path}/" if path else ""
        below = (file for file in files if file.path.startswith(prefix))
        return Listing(tuple(self._item(file, file.path.removeprefix(prefix), commit) for file in below), folder=True)

    def read(self, item: Item, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file. See Source."""
        return self._http.read(item, offset, immutable=True)

    def _item(self, file: RepoFile, path: str, commit: str) -> Item:
        url = hf_hub_url(self._address.repository, file.path, revision=commit, endpoint=self._endpoint)
        return Item(path, url, file.size, file.blob_id, file.lfs.sha256 if file.lfs else None)
