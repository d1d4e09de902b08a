"""The images that the demo needs: the operator and the versions of the recommender."""

import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.site import ROOT, Site, cluster, run
from demo.trouble import Trouble

RECOMMENDER = ROOT / "examples" / "recommender"
FLASK = ROOT / "examples" / "flask"
FAULTS = {
    3: {"FAULT_RATE": "0.05"},
    4: {"FAULT_RATE": "1"},
    5: {"FAULT_DELAY_RATE": "0.1", "FAULT_DELAY_SECONDS": "0.3"},
    6: {"FAULT_DELAY_RATE": "1", "FAULT_DELAY_SECONDS": "0.1"},
}
"""What the versions of the recommender do wrong, as examples/README.md builds them."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image of this checkout, as examples/README.md builds it."""

    tag: str
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    """Its Containerfile where that does not lie in the context."""

    def containerfile(self) -> str:
        """Return the text that it is built by."""
        return with_defaults((self.file or self.context / "Containerfile").read_text(), self.arguments)


def version() -> str:
    """Return the version of this checkout, which is the tag of its images."""
    told: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return told


def operator() -> Image:
    """Return the operator's image."""
    return Image(f"serinus/operator:{version()}", ROOT)


def recommender(number: int) -> Image:
    """Return one version of the recommender."""
    arguments = {"VERSION": str(number), **FAULTS.get(number, {})}
    return Image(f"serinus-example/recommender:{number}.0.0", RECOMMENDER, arguments)


def flask(number: int) -> Image:
    """Return one version of the plain Flask container; the second fails always."""
    return Image(f"serinus-example/flask:{number}.0.0", FLASK, {"FAULT_RATE": "1"} if number == 2 else {})


def load(name: str, images: Sequence[Image]) -> None:
    """Build what Docker lacks and load what the cluster lacks."""
    with tempfile.TemporaryDirectory() as folder:
        options: list[str] = []
        for index, image in enumerate(images):
            file = Path(folder) / f"Containerfile.{index}"
            file.write_text(image.containerfile())
            options += ["--tag", image.tag, "--file", str(file)]
        cluster("load", "--name", name, *options, *(str(image.context) for image in images))


def with_defaults(containerfile: str, arguments: Mapping[str, str]) -> str:
    """Return a Containerfile whose ARGs have these defaults: the same as building it with --build-arg."""
    for argument, value in arguments.items():
        containerfile, found = re.subn(
            rf"^ARG {argument}\b.*$", f"ARG {argument}={value}", containerfile, flags=re.MULTILINE
        )
        if not found:
            raise Trouble(f"the Containerfile has no ARG {argument}")
    return containerfile


def identity(site: Site, image: Image) -> str:
    """Return what changes when an image is built anew under the same tag; empty where it was not built here."""
    inspect = ["docker", "image", "inspect", "--format", "{{.Id}}", image.tag]
    daemon = {"DOCKER_HOST": site.docker_host} if site.docker_host else None
    try:
        return run(inspect, environment=daemon).strip()
    except Trouble:
        return ""
