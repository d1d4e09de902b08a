"""What the pages show as manifests, on a real API server with strict validation."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from serinus.api.v1alpha1 import ModelDeploymentSpec

from .kube import Kube, Manifest, path
from .stand import ROOT, manifest, new_namespace

FOLDERS = ("docs", "examples", "runtimes")
PAGES = [ROOT / "README.md", *sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
SPEC = {field.alias or name for name, field in ModelDeploymentSpec.model_fields.items()}
BASE: Manifest = {"image": "registry.test/model:1", "port": 8080}
TESTED_ELSEWHERE = {
    "BackendTrafficPolicy": "Envoy Gateway's: e2e/scenarios/test_mlserver.py",
    "alpha": "a policy for `serinus simulate`",
    "catalogue": "values of the chart: tests/chart",
    "mlflow": "values of the chart: tests/chart",
    "scrape_configs": "tests/chart/test_monitoring.py",
    "job_name": "Prometheus' own",
}
"""What is no manifest of ours, by its kind or first field."""


def blocks() -> Iterator[tuple[str, Any]]:
    """Yield what stands in each block of YAML, with the page and the line where it begins."""
    for page in PAGES:
        text = page.read_text()
        for found in re.finditer(r"(?ms)^```ya?ml\n(.*?)^```", text):
            line = text.count("\n", 0, found.start()) + 1
            for content in _alternatives(found[1]):
                yield f"{page.relative_to(ROOT)}:{line}", content


def _alternatives(block: str) -> list[Any]:
    """Return the contents of a block; lines that begin with the same field are alternatives to each other."""
    parts = [part for part in re.split(r"(?m)^(?=[a-z])", block) if part.strip()]
    keys = [part.partition(":")[0] for part in parts]
    texts = [block] if len(set(keys)) == len(keys) else parts
    return [content for text in texts for content in yaml.safe_load_all(text) if content]


def model_of(content: Any) -> Manifest | None:
    """Return the model that a block shows, or whose spec it shows a part of; None where it shows something else."""
    if isinstance(content, list):
        return model_of({"analysis": {"metrics": content}}) if "query" in content[0] else None
    if content.get("kind") == "ModelDeployment":
        return dict(content)
    spec = content["spec"] if list(content) == ["spec"] else content
    if not set(spec) <= SPEC:
        return None
    runtime = spec.get("runtime") or {}
    if "model" not in spec and not {"name", "image"} & set(runtime):
        spec = {**spec, "runtime": {**BASE, **runtime}}
    return manifest("", spec, "shown")


SHOWN = [(where, content, model_of(content)) for where, content in blocks()]


@pytest.mark.parametrize("model", [pytest.param(model, id=where) for where, _, model in SHOWN if model])
def test_the_cluster_takes_what_a_page_shows(kube: Kube, model: Manifest, shown_in: str) -> None:
    body = {**model, "metadata": {**model["metadata"], "namespace": shown_in}}
    kube.call("POST", path("modeldeployments", shown_in, fieldValidation="Strict", dryRun="All"), body)
    ModelDeploymentSpec.model_validate(body["spec"])


@pytest.fixture(scope="module")
def shown_in(kube: Kube) -> str:
    return new_namespace(kube)


def test_nothing_is_shown_that_no_test_applies() -> None:
    others = [content[0] if isinstance(content, list) else content for _, content, model in SHOWN if model is None]
    assert {content.get("kind") or next(iter(content)) for content in others} == set(TESTED_ELSEWHERE)
