"""Reads ModelDeployments and what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serinus.cli.kube.client import TABLE, Client, Manifest, Refused
from serinus.cli.trouble import Exit, Trouble, nearest
from serinus.cluster import resources
from serinus.desired import labels

NOT_INSTALLED = (
    "This cluster does not have the kind modeldeployments.serinus.dev: install Serinus (helm install serinus "
    "charts/serinus --namespace serinus-system --create-namespace), or choose another --context"
)


@dataclass(frozen=True, slots=True)
class Models:
    """The ModelDeployments of a namespace; of all where it is empty."""

    client: Client
    namespace: str

    def get(self, name: str) -> Manifest:
        """Return a model.

        Raises:
            Trouble: there is none of that name, or it could not be asked for.
        """
        try:
            return lean(self.client.get(resources.MODEL_DEPLOYMENT.path(self.namespace, name)))
        except Refused as refused:
            if refused.is_kind:
                raise Trouble(NOT_INSTALLED, Exit.CLUSTER) from None
            if refused.status == 404:
                raise Trouble(self._missing(name), Exit.UNFIT) from None
            raise

    def table(self) -> Manifest:
        """Return the Table of the models, as `kubectl get` prints it.

        Raises:
            Trouble: it could not be asked for.
        """
        found = self._listed(accept=TABLE, includeObject="None", resourceVersion="0")
        columns = {column["name"] for column in found.get("columnDefinitions") or []}
        if self.namespace or "Namespace" in columns:
            return found
        # The CRD of an older chart has no such column: the objects say it, and take longer.
        return self._listed(accept=TABLE, includeObject="Metadata", resourceVersion="0")

    def all(self) -> list[Manifest]:
        """Return the models whole.

        Raises:
            Trouble: they could not be asked for.
        """
        kind = {"apiVersion": resources.MODEL_DEPLOYMENT.api_version, "kind": resources.MODEL_DEPLOYMENT.kind}
        return [{**kind, **lean(item)} for item in self._listed()["items"]]

    def names(self) -> list[str]:
        """Return the names of the models.

        Raises:
            Trouble: they could not be asked for.
        """
        return _column(self.table(), "Name")

    def _listed(self, accept: str = "application/json", **query: str) -> Manifest:
        try:
            return self.client.get(resources.MODEL_DEPLOYMENT.path(self.namespace), accept, **query)
        except Refused as refused:
            raise (Trouble(NOT_INSTALLED, Exit.CLUSTER) if refused.is_kind else refused) from None

    def _missing(self, name: str) -> str:
        """Say that a model is not there, and where something like it is."""
        told = f"There is no ModelDeployment {name!r} in namespace {self.namespace!r}"
        try:
            near = nearest(name, self.names())
            table = Models(self.client, "").table()
            found = zip(_column(table, "Name"), _column(table, "Namespace"), strict=False)
            elsewhere = sorted(namespace for other, namespace in found if other == name)
        except Refused:
            near, elsewhere = "", []
        if elsewhere:
            return f"{told}, but in {', '.join(elsewhere)}: add --namespace {elsewhere[0]}"
        return f"{told}: {near or 'it has none; `serinus list -A` shows those of all namespaces'}"

    def pods(self, name: str) -> list[Manifest]:
        """Return the pods of a model.

        Raises:
            Trouble: they could not be asked for.
        """
        return self._found(resources.POD, labelSelector=labels.selector_text(name))

    def records(self, name: str) -> list[Manifest]:
        """Return the ControllerRevisions of a model.

        Raises:
            Trouble: they could not be asked for.
        """
        return self._found(resources.CONTROLLER_REVISION, labelSelector=labels.selector_text(name))

    def events(self, name: str) -> list[Manifest]:
        """Return the Events about a model.

        Raises:
            Trouble: they could not be asked for.
        """
        kind = resources.MODEL_DEPLOYMENT.kind
        return self._found(resources.EVENT, fieldSelector=f"involvedObject.kind={kind},involvedObject.name={name}")

    def _found(self, resource: resources.Resource, **query: str) -> list[Manifest]:
        found = self.client.get(resource.path(self.namespace), **query)
        return list(found.get("items") or [])

    def annotate(self, name: str, annotations: dict[str, str]) -> Manifest:
        """Merge annotations into a model and return it.

        Raises:
            Trouble: it could not be written.
        """
        path = resources.MODEL_DEPLOYMENT.path(self.namespace, name)
        return self.client.merge(path, {"metadata": {"annotations": annotations}})


def _column(table: Manifest, name: str) -> list[str]:
    """Return the cells of a column of a Table; none where the cluster's CRD is older than the column."""
    places = [place for place, column in enumerate(table.get("columnDefinitions") or []) if column["name"] == name]
    return [str(row["cells"][place]) for place in places for row in table.get("rows") or []]


def lean(manifest: Manifest) -> Manifest:
    """Return an object without its managedFields, which nobody reads."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def together(*asked: Callable[[], Any]) -> list[Any]:
    """Return what several questions to the API server gave, asked at the same time; a Trouble in place of its answer."""
    from threading import Thread

    answers: list[Any] = [None] * len(asked)

    def ask(place: int) -> None:
        try:
            answers[place] = asked[place]()
        except Trouble as trouble:
            answers[place] = trouble

    threads = [Thread(target=ask, args=(place,)) for place in range(1, len(asked))]
    for thread in threads:
        thread.start()
    ask(0)
    for thread in threads:
        thread.join()
    return answers
