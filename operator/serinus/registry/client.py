"""Asks one MLflow server, by its REST API."""

from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from serinus.registry.answers import COMMIT_TAG, DATA_TAG, ModelVersion, RegistryError, newest_of, tags_of, version_of
from serinus.registry.references import Reference

MAX_BODY = 1024 * 1024
"""Largest answer that is read, in bytes."""
TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


@dataclass(frozen=True, slots=True)
class Mlflow:
    """One server."""

    session: aiohttp.ClientSession
    address: str
    """Its tracking URI, http:// or https://."""
    timeout: float
    """Bounds a request, in seconds."""
    credentials: Path | None = None
    """A folder with files that are called as MLflow's own variables: a mounted Secret."""

    async def find(self, wanted: Reference) -> ModelVersion:
        """Return the version that a reference means now, with its own tags.

        Raises:
            RegistryError: there is none, or the server could not be asked.
        """
        asked = str(wanted)
        if wanted.version:
            answer = await self._get("model-versions/get", asked, name=wanted.model, version=wanted.version)
            return version_of(*answer, asked)
        if wanted.alias:
            answer = await self._get("registered-models/alias", asked, name=wanted.model, alias=wanted.alias)
            return version_of(*answer, asked)
        quote = '"' if "'" in wanted.model else "'"
        return newest_of(
            *await self._get(
                "model-versions/search",
                asked,
                filter=f"name={quote}{wanted.model}{quote}",
                order_by="version_number DESC",
                max_results="1",
            ),
            asked,
        )

    async def with_origin(self, version: ModelVersion) -> ModelVersion:
        """Return a version with what its run tells of commit and data, where it does not tell itself.

        Raises:
            RegistryError: the server could not be asked. A run that is gone or hidden tells nothing.
        """
        if not version.run_id or (version.git_commit and version.data_version):
            return version
        tags = tags_of(*await self._get("runs/get", f"run {version.run_id}", run_id=version.run_id))
        return replace(
            version,
            git_commit=version.git_commit or tags.get(COMMIT_TAG, ""),
            data_version=version.data_version or tags.get(DATA_TAG, ""),
        )

    async def _get(self, method: str, asked: str, **query: str) -> tuple[int, bytes]:
        url = f"{self.address.rstrip('/')}/api/2.0/mlflow/{method}"
        limit = aiohttp.ClientTimeout(total=self.timeout)
        try:
            async with self.session.get(
                url, params=query, headers=self._headers(), timeout=limit, allow_redirects=False
            ) as answer:
                if 300 <= answer.status < 400:
                    where = answer.headers.get("Location", "").partition("?")[0][:200]  # a login's state follows
                    raise RegistryError(
                        "RegistryUnavailable",
                        f"{asked}: {self.address} redirects to {where}: set chart value mlflow.trackingUri to where it leads",
                    )
                return answer.status, await _read(answer.content, asked)
        except TimeoutError:
            raise RegistryError(
                "RegistryUnavailable", f"{asked}: {self.address} did not answer within {self.timeout:g} s"
            ) from None
        except aiohttp.ClientError as error:
            raise RegistryError("RegistryUnavailable", f"{asked}: {self.address} cannot be reached: {error}") from error

    def _headers(self) -> dict[str, str]:
        """Return what says who asks; read each time, since a Secret may be renewed."""
        token, user, password = (self._credential(name) for name in (TOKEN, USER, PASSWORD))
        if token:
            return {"Authorization": f"Bearer {token}"}
        login = b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {login}"} if user and password else {}

    def _credential(self, name: str) -> str:
        """Return what a file of the mounted Secret holds; nothing where there is none.

        Raises:
            RegistryError: it is there and cannot be read.
        """
        path = self.credentials / name if self.credentials else None
        try:
            return path.read_text().strip() if path and path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise RegistryError(
                "RegistryDenied", f"{path} cannot be read: {error}: correct mlflow.existingSecret"
            ) from error


async def _read(content: aiohttp.StreamReader, asked: str) -> bytes:
    body = b""
    async for part in content.iter_any():
        body += part
        if len(body) > MAX_BODY:
            raise RegistryError("RegistryUnavailable", f"{asked}: the answer is larger than {MAX_BODY} bytes")
    return body
