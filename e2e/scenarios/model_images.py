"""The images that the scenarios of models need: Serinus' own, and servers of others made from package registries."""

from collections.abc import Sequence
from pathlib import Path

from cluster import programs
from demo.images import Image, load, version
from demo.site import ROOT, Site

OTHERS = ROOT / "e2e" / "images"
SERVER = ROOT / "runtimes" / "server"
DIGITS = "registry.example.com/models/digits:1"
"""What examples/litert/v1.yaml names."""


def bring(site: Site, wanted: Sequence[Image]) -> None:
    """Bring images into a cluster of ours; somebody else's has to have them."""
    if site.docker_host or site.context.startswith("kind-"):
        load(site.name, wanted)


def server() -> Image:
    """Return Serinus' model server."""
    return Image(f"serinus/server:{version()}", SERVER)


def full_server() -> Image:
    """Return the same with the libraries of all formats."""
    return Image(f"serinus/server:{version()}-full", SERVER, {"LOCK": "full"})


def storage() -> Image:
    """Return what fetches models."""
    return Image(f"serinus/storage:{version()}", ROOT / "runtimes" / "storage")


def mlserver() -> Image:
    """Return MLServer from PyPI, under the name that the catalogue has for it."""
    return Image("seldonio/mlserver:1.7.1", SERVER / "requirements", file=OTHERS / "mlserver" / "Containerfile")


def tensorflow_serving() -> Image:
    """Return what stands in for TensorFlow Serving, under the name that the catalogue has for it."""
    return Image("tensorflow/serving:2.19.1", OTHERS / "tensorflow-serving")


def versitygw() -> Image:
    """Return an S3-compatible server."""
    built = programs.built("versitygw").parent
    return Image("serinus-e2e/versitygw:1", built, file=OTHERS / "versitygw" / "Containerfile")


def login() -> Image:
    """Return oauth2-proxy under the name that the example has for it."""
    built = programs.built("oauth2-proxy").parent
    return Image("quay.io/oauth2-proxy/oauth2-proxy:v7.15.3", built, file=OTHERS / "oauth2-proxy" / "Containerfile")


def digits(trained: Path) -> Image:
    """Return the model of examples/litert as an image, as its README builds it."""
    return Image(DIGITS, trained / "litert", file=ROOT / "examples" / "litert" / "Containerfile")


def of_models(trained: Path) -> Sequence[Image]:
    """Return all that is above, in the order in which the scenarios come to need it."""
    return [login(), storage(), versitygw(), mlserver(), server(), full_server(), digits(trained), tensorflow_serving()]
