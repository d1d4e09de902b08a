"""What MLflow's REST API answers: a version of a model, or why there is none."""

from dataclasses import dataclass
from typing import Any

import orjson

COMMIT_TAG = "mlflow.source.git.commit"
"""MLflow sets it on a run that was started in a Git checkout."""
DATA_TAG = "data_version"
"""Set by whoever trains, on the run or on the version."""
_LONGEST = 200
"""Characters of a registry's own message."""


class RegistryError(Exception):
    """The registry could not be asked, or has no such version. `reason` is a word for conditions."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a registered model."""

    version: str
    run_id: str = ""
    """The run that made it; empty where nobody said."""
    git_commit: str = ""
    data_version: str = ""


def version_of(status: int, body: bytes, asked: str) -> ModelVersion:
    """Return the version that an answer about one holds.

    Args:
        status: of the HTTP answer.
        body: of it.
        asked: the address, for messages.

    Raises:
        RegistryError: it holds none, or one whose files are not there yet.
    """
    document = _document(status, body, asked)
    return _version(document.get("model_version"), asked)


def newest_of(status: int, body: bytes, asked: str) -> ModelVersion:
    """Return the first version of an answer to a search.

    Raises:
        RegistryError: it holds none.
    """
    found = _document(status, body, asked).get("model_versions") or []
    if not found:
        raise RegistryError("ModelUnknown", f"{asked}: the registry has no such model, or no version of it")
    return _version(found[0], asked)


def tags_of(status: int, body: bytes) -> dict[str, str]:
    """Return the tags of a run; none where it cannot be read: the version is what counts."""
    try:
        return _tags(_document(status, body, "run")["run"]["data"])
    except (RegistryError, KeyError, TypeError):
        return {}


def _document(status: int, body: bytes, asked: str) -> dict[str, Any]:
    try:
        document: Any = orjson.loads(body)
    except ValueError:
        document = None
    if status == 200 and isinstance(document, dict):
        return document
    said = document if isinstance(document, dict) else {}
    text = str(said.get("message", ""))[:_LONGEST]
    # An alias that is not there is a bad request to MLflow (seen in 3.17), not a 404.
    if status == 400 and "alias" in text and "not found" in text:
        raise RegistryError("AliasUnknown", f"{asked}: the registry answers: {text}")
    if status == 404 and said.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        raise RegistryError("ModelUnknown", f"{asked}: the registry answers: {text}")
    if status in {401, 403}:
        raise RegistryError(
            "RegistryDenied",
            f"{asked}: the registry answers {status}: the operator's credentials (chart value mlflow.existingSecret)"
            " are missing or do not suffice",
        )
    told = f": {text}" if text else ""
    raise RegistryError("RegistryUnavailable", f"{asked}: the registry answers {status}{told}")


def _version(found: Any, asked: str) -> ModelVersion:
    try:
        tags = _tags(found)
        state = found.get("status", "READY")
        version = ModelVersion(
            str(found["version"]), found.get("run_id", ""), tags.get(COMMIT_TAG, ""), tags.get(DATA_TAG, "")
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise RegistryError("RegistryUnavailable", f"{asked}: the registry's answer holds no version") from error
    if state != "READY":
        raise RegistryError(
            "VersionNotReady", f"{asked}: version {version.version} is {state}: its files are not all there"
        )
    return version


def _tags(holder: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: str(tag.get("value", "")) for tag in holder.get("tags", [])}
