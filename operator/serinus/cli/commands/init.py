"""`serinus init`."""

from __future__ import annotations

from typing import Any

import click

from serinus.cli import options
from serinus.cli.trouble import Exit, Trouble, nearest

_SOURCES = ("model", "image", "deployment")


@click.command(epilog="Exit code: 0; 2 wrong options; 4 no such Deployment; 5 the cluster cannot be asked.")
@click.argument("name", required=False)
@click.option("--model", metavar="URI", help="A model that a runtime of the catalogue serves.")
@click.option("--format", "kind", metavar="FORMAT", help="With --model: such as sklearn or onnx.")
@click.option("--image", metavar="IMAGE", help="A container of your own.")
@click.option("--port", type=click.IntRange(1, 65535), help="With --image or --deployment: where it answers HTTP.")
@click.option(
    "--deployment", metavar="NAME", help="A Deployment that is there, read from the cluster and left as it is."
)
@click.option("--container", metavar="NAME", help="With --deployment: which of its containers answers requests.")
@click.option("--gateway", metavar="GATEWAY", help="A Gateway to attach to: name, or namespace/name.")
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="A host name to answer; several times for several."
)
@options.cluster()
@options.output
def init(**given: Any) -> None:
    """Write a manifest to standard output: for a model, an image, or what a Deployment serves."""
    chosen = [f"--{source}" for source in _SOURCES if given[source]]
    if len(chosen) != 1:
        told = f"{' and '.join(chosen)} were given" if chosen else "none was given"
        raise Trouble(f"One of --model, --image and --deployment says what to serve, {told}", Exit.USAGE)
    _fitting(given, chosen[0])
    manifest, notes = _adopted(given) if given["deployment"] else (_fresh(given), [])
    notes += _wrong(manifest)
    if given["output"] == "json":
        options.show(manifest, "json")
        for note in notes:
            click.echo(note, err=True)
    else:
        for note in notes:
            click.echo(f"# {note}")
        options.show(manifest, "yaml")


def _fitting(given: dict[str, Any], chosen: str) -> None:
    """Refuse options that go with another source."""
    fits = {"kind": ("--model",), "port": ("--image", "--deployment"), "container": ("--deployment",)}
    for option, sources in fits.items():
        if given[option] and chosen not in sources:
            shown = "format" if option == "kind" else option
            raise Trouble(f"--{shown} goes with {' or '.join(sources)}, not with {chosen}: leave it out", Exit.USAGE)
    if given["hosts"] and not given["gateway"]:
        raise Trouble("--host needs --gateway: without a Gateway nobody comes by a host name", Exit.USAGE)
    if given["image"] and not given["port"]:
        raise Trouble("--image needs --port: the TCP port on which it answers HTTP", Exit.USAGE)


def _fresh(given: dict[str, Any]) -> dict[str, Any]:
    from serinus.cli.init import fresh
    from serinus.cli.lint.check import catalogue

    if uri := given["model"]:
        formats = catalogue("").defaults
        if given["kind"] not in formats:
            told = f"--format {given['kind']} is not served" if given["kind"] else "--model needs --format"
            raise Trouble(f"{told}: {nearest(given['kind'] or '', formats)}", Exit.USAGE)
        spec = fresh.of_model(uri, given["kind"])
    else:
        spec = fresh.of_image(given["image"], given["port"])
    spec |= fresh.routed(given["gateway"], given["hosts"])
    return fresh.manifest(given["name"] or fresh.name_of(uri or given["image"]), given["namespace"], spec)


def _adopted(given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    from serinus.cli.init import fresh
    from serinus.cli.init.adopt import Found, adopt
    from serinus.cli.kube.client import Refused
    from serinus.cli.kube.models import lean
    from serinus.cluster import resources

    models = options.models(given)
    client, namespace, wanted = models.client, models.namespace, given["deployment"]

    def all_of(resource: resources.Resource) -> list[dict[str, Any]]:
        try:
            return list(client.get(resource.path(namespace)).get("items") or [])
        except Refused as refused:
            if refused.is_kind:
                return []
            raise

    try:
        deployment = lean(client.get(resources.DEPLOYMENT.path(namespace, wanted)))
    except Refused as refused:
        if refused.status != 404:
            raise
        near = nearest(wanted, (one["metadata"]["name"] for one in all_of(resources.DEPLOYMENT)))
        raise Trouble(
            f"There is no Deployment {wanted!r} in namespace {namespace!r}: {near or 'it has none'}", Exit.UNFIT
        ) from None
    around = [all_of(kind) for kind in (resources.SERVICE, resources.HTTP_ROUTE, resources.AUTOSCALER)]
    adopted = adopt(Found(deployment, *around), given["container"], given["port"], given["name"])
    adopted.manifest["spec"] |= fresh.routed(given["gateway"], given["hosts"])
    return adopted.manifest, adopted.notes


def _wrong(manifest: dict[str, Any]) -> list[str]:
    """Return what `lint` says to the manifest."""
    from serinus.cli.lint.check import catalogue, check

    return [f"To be corrected: {message}" for _, message in check(manifest, catalogue(""))]
