"""Which revision the present spec asks for; a new one is recorded."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from serinus.api import problems
from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec, Runtime
from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.desired import deployment, owner, revision
from serinus.desired.refusal import refusal
from serinus.desired.serving import resolve
from serinus.reconcile.applier import Applier, Foreign
from serinus.reconcile.pins import Pins, Unresolved
from serinus.rollout.report import Problem, Resolution
from serinus.runtimes.catalogue import Catalogue, Unserved

Manifest = dict[str, Any]


class Refused(Exception):  # noqa: N818 - carries a Problem to status
    """The spec cannot be served; the last good revision keeps serving."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason, message)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a look aims at."""

    target: str
    """The revision; empty when there is none."""
    problem: Problem | None
    """Why it is not what the present spec asks for."""
    resolution: Resolution | None
    """What a moving address of its model stands for."""


@dataclass(frozen=True, slots=True)
class TargetFinder:
    """Finds or makes the revision of a spec."""

    cluster: Cluster
    applier: Applier
    catalogue: Catalogue
    pins: Pins
    namespace: str
    name: str
    parent: owner.Owner

    async def aim(
        self,
        raw: Manifest,
        spec: ModelDeploymentSpec,
        state: RolloutState,
        known: dict[str, revision.Revision],
        problem: Problem | None,
    ) -> Aim:
        """Return what to aim at; while the spec is refused, the revision that was aimed at before.

        Args:
            raw: the spec as it is stored.
            spec: the same as it is read, or the last good one.
            state: what is remembered of the rollout.
            known: all revisions on record; a new one is added.
            problem: why the present spec is refused; None when it is not.

        Raises:
            Pending: the record of a former ModelDeployment of this name is still there.
            ApiError: the API server could not be asked.
        """
        failed = state.failed[-1].revision if state.phase is Phase.ROLLED_BACK and state.failed else ""
        before = state.candidate or failed or state.control
        if problem is None:
            try:
                stable = None if state.phase is Phase.INITIALIZING else known.get(state.control)
                found, told = await self._of(raw, spec, known, known.get(before), stable)
            except (Refused, Unresolved) as refused:
                problem = refused.problem
            except Foreign as foreign:
                problem = Problem("NameTaken", str(foreign))
            else:
                known[found.hash] = found
                return Aim(found.hash, None, told)
        return Aim(before, problem, None)

    async def _of(
        self,
        raw: Manifest,
        spec: ModelDeploymentSpec,
        known: Mapping[str, revision.Revision],
        before: revision.Revision | None,
        stable: revision.Revision | None,
    ) -> tuple[revision.Revision, Resolution | None]:
        """Return the revision of a spec, and what is told of its model's address.

        Raises:
            Unresolved: nobody says which version of its model is meant.
            Refused: no runtime serves it, a ConfigMap is missing, Kubernetes refuses the pods, nothing can be scaled by, or callers would be lost.
            Foreign: its name is taken.
        """
        contents = await self._config_maps(spec.runtime)
        pin, told = await self.pins.of(raw.get("model") or {}, spec.model, before)
        origin = revision.Origin(raw.get("runtime") or {}, contents, raw.get("model"), pin)
        found = known.get(origin.hash) or await self._record(origin, spec, known)
        if why := refusal(spec, found, stable):
            raise Refused("InvalidSpec", why)
        return found, told

    async def _config_maps(self, runtime: Runtime) -> dict[str, revision.Contents]:
        contents = {}
        for reference in runtime.config_maps or []:
            live = await self.cluster.get(resources.CONFIG_MAP, self.namespace, reference.name)
            if live is None:
                raise Refused(
                    "ConfigMapMissing",
                    f"spec.runtime.configMaps names {reference.name!r}, which does not exist in namespace {self.namespace}",
                )
            contents[reference.name] = {key: live[key] for key in ("data", "binaryData") if live.get(key)}
        return contents

    async def _record(
        self, origin: revision.Origin, spec: ModelDeploymentSpec, known: Mapping[str, revision.Revision]
    ) -> revision.Revision:
        number = max((stored.number for stored in known.values()), default=0) + 1
        origin = replace(origin, pin=await self.pins.with_origin(spec.model, origin.pin))
        try:
            serving = resolve(self.name, origin.hash, spec, origin.pin, self.catalogue)
        except Unserved as unserved:
            raise Refused("InvalidSpec", str(unserved)) from None
        made = revision.create(self.name, origin, serving, number)
        try:
            await self.applier.rehearse(deployment.deployment(self.name, self.namespace, made, self.parent, None))
        except ApiError as error:
            if error.refused:
                raise Refused("PodsRefused", f"spec.runtime: Kubernetes refuses the pods: {error}") from error
            raise
        manifest = revision.manifest(self.name, self.namespace, made, self.parent, origin.runtime)
        return revision.read(await self.applier.apply(manifest, None))


_REPLACEABLE = {"rollout", "analysis", "runtime", "model"}
"""Sections without which what serves can be kept as it is."""
_STAND_IN: Manifest = {"runtime": {"image": "refused", "port": 1}}


def lenient_spec(raw: Manifest) -> ModelDeploymentSpec | None:
    """Return a refused spec with defaults in place of the sections that are wrong.

    A rollout that is under way goes on being judged by it after a restart of the
    operator. None when the route or the size is wrong: nothing is applied then.
    """
    try:
        _read(raw)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        if not wrong or not wrong <= _REPLACEABLE:
            return None
        for left_out in (wrong, _REPLACEABLE):  # a default may not fit to a section that was fine beside the wrong one
            kept = {key: value for key, value in raw.items() if key not in left_out}
            with contextlib.suppress(ValidationError):
                return _read({**_STAND_IN, **kept})
    return None


def parse_spec(raw: Manifest) -> ModelDeploymentSpec:
    """Return the spec as the models read it.

    Raises:
        Refused: naming each field, its value and what is allowed.
    """
    try:
        return _read(raw)
    except ValidationError as error:
        parts = [f"{problems.path(place)}: {text}" for place, text in problems.found(error)]
        raise Refused("InvalidSpec", "; ".join(parts[:5])) from error


def _read(raw: Manifest) -> ModelDeploymentSpec:
    """Return a stored spec without the fields that nobody here knows.

    The API server keeps those of its CRD alone, so they are a newer version's: while a release is upgraded, its CRD's
    defaults are in every spec that the older operator still reads. Nothing under `model` and `runtime` has a default.
    There such a field is refused: a revision that was made without it would later be taken for what was meant.

    Raises:
        ValidationError: the spec cannot be read, or such a field is part of the revision.
    """
    found = ModelDeploymentSpec.model_validate(raw, extra="ignore")
    ModelDeploymentSpec.model_validate({part: raw[part] for part in ("model", "runtime") if part in raw})
    return found
