"""The parts of a pod that bring a model to its server, and tell what it was made from."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from serinus.api.model import MOUNTED, ModelSource
from serinus.desired import labels
from serinus.runtimes.catalogue import Fetcher

Manifest = dict[str, Any]
FETCHER = "fetch-model"
VOLUME = "model"
TARGET = "/mnt/models"
"""Where the init container puts the model, and where a server looks unless its runtime says otherwise."""
DEFAULT_SIZE = "10Gi"
_UNITS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class Pin:
    """What a model's address was resolved to when its revision was made.

    `uri` is what is fetched, `version` what the registry calls it; empty where nothing had to be asked. These two say which
    revision it is. What it was made from is told only: tags can be edited later.
    """

    uri: str
    version: str = ""
    git_commit: str = ""
    data_version: str = ""

    @property
    def identity(self) -> Manifest:
        """Return what makes it another revision."""
        return {key: text for key, text in {"uri": self.uri, "version": self.version}.items() if text}

    @property
    def record(self) -> Manifest:
        """Return all of it, as it is kept."""
        origin = {"gitCommit": self.git_commit, "dataVersion": self.data_version}
        return {**self.identity, **{key: text for key, text in origin.items() if text}}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A model on its way into a pod."""

    source: ModelSource
    pin: Pin
    fetcher: Fetcher
    path: str
    """Where the server finds it."""

    @property
    def init_containers(self) -> list[Manifest]:
        """Return what runs before the server."""
        if self.source.scheme in MOUNTED:
            return []
        secret, size = self.source.secret_ref, bytes_of(self.source.max_size or DEFAULT_SIZE)
        digest = ["--digest", self.source.digest] if self.source.digest else []
        data = ["--data-version", self.source.data_file] if self.source.data_file else []
        registry = {"name": "MLFLOW_TRACKING_URI", "value": self.fetcher.tracking_uri}
        return [
            {
                "name": FETCHER,
                "image": self.fetcher.image,
                "args": [self.pin.uri, TARGET, "--max-bytes", str(size), *digest, *data],
                "volumeMounts": [{"name": VOLUME, "mountPath": TARGET}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "terminationMessagePolicy": "FallbackToLogsOnError",
                **({"env": [registry]} if self.source.scheme == "models" else {}),
                **({"envFrom": [{"secretRef": {"name": secret.name}}]} if secret else {}),
                **({"resources": self.fetcher.resources} if self.fetcher.resources else {}),
            }
        ]

    @property
    def volume(self) -> Manifest:
        """Return what holds the model: an image, a claim, or a folder that is filled.

        An archive lies there twice while it is unpacked.
        """
        address = self.source.uri.partition("://")[2]
        if self.source.scheme == "oci":
            return {"name": VOLUME, "image": {"reference": address, "pullPolicy": "IfNotPresent"}}
        if self.source.scheme == "pvc":
            claim = address.partition("/")[0]
            return {"name": VOLUME, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        size = bytes_of(self.source.max_size or DEFAULT_SIZE)
        return {"name": VOLUME, "emptyDir": {"sizeLimit": str(2 * size)}}

    @property
    def mount(self) -> Manifest:
        """Return how the server's container sees it."""
        mount: Manifest = {"name": VOLUME, "mountPath": self.path, "readOnly": True}
        folder = self.source.uri.partition("://")[2].partition("/")[2].strip("/") if self.source.scheme == "pvc" else ""
        return {**mount, "subPath": folder} if folder else mount

    @property
    def pull_secrets(self) -> list[Manifest]:
        """Return what an image volume is pulled with."""
        return [{"name": self.source.secret_ref.name}] if self.source.secret_ref and self.source.scheme == "oci" else []

    @property
    def told(self) -> dict[str, str]:
        """Return what is known of the model's origin, in full."""
        known = {
            labels.MODEL_URI: self.pin.uri,
            labels.MODEL_VERSION: self.source.version or self.pin.version,
            labels.GIT_COMMIT: self.source.git_commit or self.pin.git_commit,
            labels.DATA_VERSION: None if self.source.data_file else self.source.data_version or self.pin.data_version,
        }
        return {key: value for key, value in known.items() if value}

    @property
    def labels(self) -> dict[str, str]:
        """Return as much of that as labels can hold."""
        return {
            key: value for key, text in self.told.items() if key != labels.MODEL_URI and (value := labels.value(text))
        }


def bytes_of(quantity: str) -> int:
    """Return a quantity such as 500Mi or 1.5G in bytes, rounded down."""
    number = quantity.rstrip("kKMGTi")
    unit = quantity[len(number) :]
    base = 1024 if unit.endswith("i") else 1000
    return int(Decimal(number) * base ** _UNITS[unit.removesuffix("i").replace("K", "k")])
