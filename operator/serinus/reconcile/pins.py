"""What the address of a model stands for: asked of the registry, or as it was known last."""

from dataclasses import dataclass, replace
from typing import Any

from serinus.api.model import ModelSource
from serinus.desired.model import Pin
from serinus.desired.revision import Revision
from serinus.reconcile.queue import Key
from serinus.registry.answers import RegistryError
from serinus.registry.references import Reference, reference
from serinus.registry.watch import Watch
from serinus.rollout.report import Problem, Resolution

Manifest = dict[str, Any]


class Unresolved(Exception):  # noqa: N818 - carries a Problem to status
    """Nobody says what an address stands for, and nobody has said it before."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason, f"spec.model.uri: {message}")


@dataclass(frozen=True, slots=True)
class Pins:
    """The addresses of one ModelDeployment."""

    registry: Watch[Key]
    key: Key

    async def of(
        self, stored: Manifest, model: ModelSource | None, aimed: Revision | None
    ) -> tuple[Pin | None, Resolution | None]:
        """Return what a model's address stands for now, and what status tells of it if it can move.

        A registry that does not answer, or has lost the alias, changes nothing: the revision aimed at before keeps its
        version, as long as it was made from the same `spec.model`.

        Args:
            stored: `spec.model` as it is stored.
            model: the same as it is read; None without a model.
            aimed: the revision that was aimed at before.

        Raises:
            Unresolved: it stands for nothing, and never did.
        """
        if model is None or model.scheme != "models":
            self.registry.forget(self.key)
            return Pin(model.uri) if model else None, None
        wanted = _reference(model)
        if not wanted.moves:
            self.registry.forget(self.key)
            return Pin(model.uri, wanted.version), None
        try:
            found = await self.registry.version(self.key, wanted)
        except RegistryError as error:
            kept = aimed.model.get("resolved") if aimed and aimed.model.get("model") == stored else None
            if kept is None:
                raise Unresolved(error.reason, str(error)) from error
            told = Resolution(known=False, reason=error.reason, message=f"{error}; version {kept['version']} stays")
            return Pin(kept["uri"], kept["version"]), told
        told = Resolution(known=True, reason="Resolved", message=f"{wanted} is version {found.version}")
        return Pin(wanted.pinned(found.version), found.version), told

    async def with_origin(self, model: ModelSource | None, pin: Pin | None) -> Pin | None:
        """Return a pin with what the registry tells of its commit and its data.

        Raises:
            Unresolved: the registry has no such version, or could not be asked.
        """
        if model is None or pin is None or model.scheme != "models":
            return pin
        try:
            found = await self.registry.origin(Reference(_reference(model).name, version=pin.version))
        except RegistryError as error:
            raise Unresolved(error.reason, str(error)) from error
        return replace(pin, git_commit=found.git_commit, data_version=found.data_version)


def _reference(model: ModelSource) -> Reference:
    try:
        return reference(model.uri)
    except ValueError as error:
        raise Unresolved("InvalidSpec", str(error)) from error
