"""Two tenants: behind a prom-label-proxy the PromQL of one sees no series of the other, and no spec names an object of another namespace."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster import programs
from cluster.console import ClusterError

from .control_plane import free_port
from .kube import Kube, Manifest, RefusedError
from .loopback import Request, Server
from .stand import Space, image, manifest, spec
from .waiting import eventually

OTHER = "rival"
OWN, THEIRS = 7.0, 13.0
REFUSED = None
QUERIES: dict[str, tuple[str, float | None]] = {
    "plain": ("sum(secret_total)", OWN),
    "own-namespace": ('sum(secret_total{namespace="$namespace"})', OWN),
    "other-namespace": (f'sum(secret_total{{namespace="{OTHER}"}})', REFUSED),
    "any-namespace": ('sum(secret_total{namespace=~".*"})', OWN),
    "not-own-namespace": ('sum(secret_total{namespace!="$namespace"})', REFUSED),
    "or": (f'sum(secret_total or secret_total{{namespace="{OTHER}"}})', REFUSED),
    "relabelled": (f'sum(label_replace(secret_total, "namespace", "{OTHER}", "", ""))', OWN),
    "subquery": ("max_over_time(sum(secret_total)[10s:1s])", OWN),
    "how-many-namespaces": ('count(count by (namespace) ({__name__=~".+"}))', 1.0),
    "comment": (f'sum(secret_total) # {{namespace="{OTHER}"}}', OWN),
}
"""What a tenant may try, and the value that it gets."""


@contextmanager
def process(log: Path, name: str, *options: str) -> Iterator[None]:
    try:
        program = programs.built(name)
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no {name}: {error}")
    with log.open("wb") as output:
        running = subprocess.Popen([program, *options], stdout=output, stderr=output)
        try:
            yield
        finally:
            running.kill()
            running.wait()


def sums(port: int) -> list[float]:
    """Return what somebody sees who asks a Prometheus directly."""
    query = urllib.parse.quote("sum(secret_total)")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={query}", timeout=5) as answer:
            return [float(series["value"][1]) for series in json.loads(answer.read())["data"]["result"]]
    except OSError:
        return []


@pytest.fixture
def prometheus(space: Space, tmp_path: Path) -> Iterator[int]:
    """The port of a real Prometheus that scrapes pods of both namespaces."""

    def tell(request: Request) -> None:
        value = OWN if request.path == "/own" else THEIRS
        request.reply(200, f"secret_total {value}\n".encode(), {"Content-Type": "text/plain; version=0.0.4"})

    pods, port = Server(tell).start(), free_port()
    jobs = [
        {"job_name": namespace, "scrape_interval": "1s", "metrics_path": where, "static_configs": [
            {"targets": [f"127.0.0.1:{pods.server_port}"], "labels": {"namespace": namespace}}]}
        for namespace, where in ((space.namespace, "/own"), (OTHER, "/theirs"))
    ]  # fmt: skip
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
    options = (f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}")  # fmt: skip
    with process(log := tmp_path / "prometheus.log", "prometheus", *options):
        eventually(lambda: sums(port) == [OWN + THEIRS], "both are scraped", show=log.read_text)
        yield port
    pods.stop()


@pytest.fixture
def fenced(space: Space, prometheus: int, tmp_path: Path) -> Iterator[Space]:
    """The operator with the proxy for the PromQL of specs, as the page on operations says."""
    port, operator = free_port(), space.stand.operator
    told = (f"-insecure-listen-address=127.0.0.1:{port}", f"-upstream=http://127.0.0.1:{prometheus}", "-label=namespace",
            "-header-name=X-Namespace", "-error-on-replace")  # fmt: skip
    with process(tmp_path / "proxy.log", "prom-label-proxy", *told):
        operator.stop()
        operator.settings["SERINUS_CUSTOM_QUERY_PROXY"] = f"http://127.0.0.1:{port}"
        operator.start()
        yield space
        operator.stop()
        operator.settings.clear()
        operator.start()


def test_a_tenant_reads_nothing_of_another_one(fenced: Space, prometheus: int) -> None:
    fenced.serving()
    metrics = [{"name": name, "query": query, "max": 1e6} for name, (query, _) in QUERIES.items()]
    steps = [{"weight": 20, "minDuration": "10m"}]
    fenced.apply(spec(image(2), rollout={"steps": steps}, analysis={"metrics": metrics}))

    def shown(status: Manifest) -> dict[str, Manifest]:
        return {metric["name"]: metric for metric in status.get("metrics") or [] if metric["name"] in QUERIES}

    found = shown(fenced.wait(lambda status: shown(status).keys() == QUERIES.keys(), "all are asked"))
    for name, (_, expected) in QUERIES.items():
        assert found[name].get("value") == expected, found[name]
        if expected is REFUSED:
            assert found[name]["reason"] == "QueryFailed"
            assert "conflicting label matcher" in found[name]["message"], "the proxy says why"
    assert sums(prometheus) == [OWN + THEIRS], "without the proxy everybody sees everything"


SERVED = {"image": "a:1", "port": 80}


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"runtime": {**SERVED, "configMaps": [{"name": "other/settings"}]}}, "spec.runtime.configMaps[0].name"),
        ({"runtime": {**SERVED, "configMaps": [{"name": "settings", "namespace": "other"}]}}, "spec.runtime.configMaps[0].namespace"),
        ({"model": {"uri": "s3://b/m", "format": "onnx", "secretRef": {"name": "other/login"}}}, "spec.model.secretRef.name"),
        ({"model": {"uri": "s3://b/m", "format": "onnx", "secretRef": {"name": "login", "namespace": "other"}}},
         "spec.model.secretRef.namespace"),
        ({"runtime": SERVED, "route": {"gateway": "other/infra/public"}}, "spec.route.gateway"),
    ],
)  # fmt: skip
def test_no_object_of_another_namespace_can_be_named(kube: Kube, namespace: str, parts: Manifest, named: str) -> None:
    with pytest.raises(RefusedError) as refused:
        kube.apply("modeldeployments", manifest(namespace, parts))
    assert named in refused.value.message
