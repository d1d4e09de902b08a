"""The real cluster with the operator of this checkout, and a namespace for each model."""

import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import install
from demo.site import ROOT, Site
from demo.trouble import Trouble
from load import Load
from load.mixes import Mix, recommender
from load.plan import Plan, Target
from scenarios import model_images, prepare, trained
from scenarios.scraping import often
from scenarios.stand import Model
from scenarios.store import Store, store

REPORT = ROOT / "e2e-report.json"


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Bring the cluster up; a machine that cannot have one skips, and `make test` counts that.

    Root on Linux can: there it fails, and the report shows what the cluster tool said.
    """
    try:
        found = prepare.up()
    except Trouble as trouble:
        if sys.platform == "linux" and os.geteuid() == 0:
            raise
        pytest.skip(f"no cluster: {str(trouble) or 'see the lines above'}")
    with often(found):
        install.chart(found)
        yield found


@pytest.fixture(scope="session")
def bucket(site: Site) -> Iterator[Store]:
    """The models that scenarios serve, in a store in the cluster, and the image of what fetches them."""
    model_images.bring(site, [model_images.storage(), model_images.versitygw()])
    with store(site) as running:
        running.upload(trained.models() / "bucket")
        yield running


@pytest.fixture(scope="module")
def model(site: Site, request: pytest.FixtureRequest) -> Iterator[Model]:
    """A namespace under the restricted Pod Security Standard, gone after the module."""
    yield from _model(site, request.module.__name__.rpartition("test_")[2])


@pytest.fixture
def fresh(site: Site, request: pytest.FixtureRequest) -> Iterator[Model]:
    """The same for one test."""
    yield from _model(site, request.node.name.removeprefix("test_"))


def _model(site: Site, label: str) -> Iterator[Model]:
    namespace = f"e2e-{label.replace('_', '-')[:30].strip('-')}-{uuid.uuid4().hex[:6]}"
    marks = {"pod-security.kubernetes.io/enforce": "restricted", "serinus.dev/e2e": "true"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": marks}}
    install.apply(site, manifest)
    try:
        yield Model(site, namespace, host=f"{namespace}.example.com")
    finally:
        site.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="module")
def start_load(site: Site) -> Iterator[Callable[..., Load]]:
    """Start loads that end with the module."""
    started: list[Load] = []

    def start(model: Model, rate: float = 50.0, mix: Mix = recommender) -> Load:
        plan = Plan(Target(site.gateway_url, model.host), rate=rate, seconds=900, mix=mix)
        started.append(Load(plan).start())
        return started[-1]

    yield start
    for load in started:
        load.stop()


@pytest.fixture(scope="session")
def report() -> Iterator[dict[str, Any]]:
    """Figures that the tests saw, written when they are done."""
    figures: dict[str, Any] = {}
    yield figures
    Path(REPORT).write_text(json.dumps(figures, indent=2) + "\n")
    print("\ne2e figures:", json.dumps(figures))
