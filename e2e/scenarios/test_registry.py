"""A model by its alias in a real MLflow server: pinned, fetched, and a canary when the alias moves."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.registry import Registry
from cluster.registry import registry as run_registry
from demo import install
from demo.install import SYSTEM
from demo.site import Site, run
from load import Load
from scenarios import model_images, trained
from scenarios.stand import Manifest, Model
from scenarios.test_models import QUICK, tumours

NAME = "tumours"


@pytest.fixture
def registry(site: Site, tmp_path: Path) -> Iterator[Registry]:
    """A server on this machine, at the address by which the node reaches it, that the operator is told of."""
    if not site.docker_host:
        pytest.skip("no MLflow that the nodes reach: it runs beside a cluster of our own only")
    model_images.bring(site, [model_images.server(), model_images.storage()])
    inspect = ["docker", "network", "inspect", "kind", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    address = run(inspect, environment={"DOCKER_HOST": site.docker_host}).strip()
    with run_registry(tmp_path, address=address) as server:
        install.apply(site, secret(server), "--namespace", SYSTEM)
        install.chart(site, mlflow={"trackingUri": server.url, "existingSecret": "mlflow", "interval": "2s"})
        yield server
        install.chart(site)


def secret(server: Registry) -> Manifest:
    login = {key: value for key, value in server.credentials().items() if key != "MLFLOW_TRACKING_URI"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mlflow"}, "stringData": login}


def logged(server: Registry, number: int) -> str:
    """Log a version as training would, and return its number."""
    body = (trained.models() / "bucket" / "tumours" / str(number) / "model.skops").read_bytes()
    return server.log(NAME, {"model.skops": body}, {"mlflow.source.git.commit": f"c0ffee{number}"})


def test_a_moved_alias_is_a_canary(fresh: Model, registry: Registry, start_load: Callable[..., Load]) -> None:
    first, second = logged(registry, 1), logged(registry, 2)
    registry.point(NAME, "champion", first)
    fresh.kubectl("apply", "--filename=-", stdin=json.dumps(secret(registry)))
    fresh.name = NAME
    model = {"uri": f"models:/{NAME}@champion", "format": "sklearn", "secretRef": {"name": "mlflow"}}
    route = {**QUICK["route"], "gateway": "gateway/public", "hostnames": [fresh.host]}
    fresh.apply_spec({**QUICK, "model": model, "route": route})
    status = fresh.wait_stable()
    assert status["stable"]["model"] == {
        "format": "sklearn",
        "gitCommit": "c0ffee1",
        "uri": f"models:/{NAME}/{first}",
        "version": first,
    }
    load = start_load(fresh, 60.0, tumours)
    registry.point(NAME, "champion", second)
    status = fresh.wait("version 2", lambda s: s["phase"] == "Stable" and s["stable"]["model"]["version"] == second)
    assert status["stable"]["model"]["gitCommit"] == "c0ffee2"
    assert "WeightRaised" in fresh.events()
    assert load.journal.versions() == [first, second]
    assert [answer.as_dict() for answer in load.journal.failures()] == []
