"""`spec.model`: the model that is served, and what it was made from."""

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from serinus.api.base import DnsName, Model

FETCHED = ("models", "s3", "gs", "hf", "https")
"""Schemes of models that an init container fetches before the server starts."""
MOUNTED = ("oci", "pvc")
"""Schemes of models that are mounted as they are, read-only."""
URI = r"^(models:/[^/\s]|(s3|gs|hf|https|oci|pvc)://[^/\s])\S*$"
SCHEMES = "models:/name/version, models:/name@alias, s3://, gs://, hf://, https://, oci:// or pvc://"
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"

FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$", max_length=63)]
_Told = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class SecretReference(Model):
    """A Secret of the same namespace."""

    name: DnsName
    """Its name."""


class ModelSource(Model):
    """A model, where it lies and what it was made from. All of it is part of the revision."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """Where the model lies: `models:/name/version` or `models:/name@alias` (MLflow), `s3://`, `gs://`, `hf://`, `https://`, `oci://image` (mounted as an image volume) or `pvc://claim/path` (mounted read-only)."""
    format: FormatName | None = None
    """What the model is, such as sklearn, xgboost, lightgbm, onnx, tflite or tensorflow. It picks the runtime when `runtime` names neither a runtime nor an image."""
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+@-]+$", max_length=128)] | None = None
    """The model's version, as replies, metrics and status shall tell it; that of the registry when absent."""
    git_commit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """The commit that it was trained from; a label of the pods, and told in status."""
    data_version: _Told | None = None
    """The version of the data that it was trained on; a label of the pods, and told in status. Or the path of a DVC file that lies with the model, such as `train.csv.dvc`: then its hash is told, once it was fetched."""
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    """What the fetched model must hash to; a model that hashes to something else is not served."""
    max_size: Annotated[str, StringConstraints(pattern=_QUANTITY, max_length=32)] | None = None
    """The most that is fetched, as a quantity such as 500Mi; 10Gi when absent."""
    secret_ref: SecretReference | None = None
    """A Secret with the credentials for `uri`: environment variables of the fetching container; for `oci://` the pull secret."""

    @property
    def scheme(self) -> str:
        """Return the part of the URI that says how the model is got."""
        return self.uri.partition(":")[0]

    @property
    def data_file(self) -> str | None:
        """Return the path of the DVC file that tells the version of the data; None where there is none."""
        return data_file(self.data_version)

    @field_validator("uri")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if not re.fullmatch(URI, value):
            raise ValueError(f"nothing can be fetched from there: it must be {SCHEMES}, without spaces")
        return value

    @model_validator(mode="after")
    def _mounted_ones_are_not_fetched(self) -> Self:
        if self.scheme in MOUNTED:
            for name, value in (("digest", self.digest), ("maxSize", self.max_size), ("dataVersion", self.data_file)):
                if value is not None:
                    raise ValueError(f"{name} is {value!r}, but {self.scheme}:// is mounted and not fetched: remove it")
        if self.scheme == "pvc" and self.secret_ref:
            raise ValueError(f"secretRef is {self.secret_ref.name!r}, but pvc:// needs no credentials: remove it")
        return self


def data_file(version: str | None) -> str | None:
    """Return a version of data if it is the path of a DVC file; None otherwise."""
    return version if version and version.endswith(".dvc") else None


RULES: dict[str, list[dict[str, str]]] = {
    "spec.model": [
        {
            "rule": f"self.uri.matches(r'{URI}')",
            "message": f"spec.model.uri must be {SCHEMES}, without spaces",
            "messageExpression": f"'spec.model.uri is ' + self.uri + ', but must be {SCHEMES}, without spaces'",
        },
        {
            "rule": "!self.uri.matches('^(oci|pvc):') || !(has(self.digest) || has(self.maxSize) || has(self.dataVersion) && self.dataVersion.endsWith('.dvc'))",
            "message": "spec.model.digest, maxSize and a dataVersion that is a .dvc file decide nothing for oci:// and pvc://, which are mounted and not fetched: remove them",
        },
        {
            "rule": "!self.uri.startsWith('pvc:') || !has(self.secretRef)",
            "message": "spec.model.secretRef decides nothing for pvc://, which needs no credentials: remove it",
        },
    ]
}
"""The same as CEL, for the API server."""
