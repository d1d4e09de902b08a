"""What the examples promise on paper: manifests, locks, and a README that builds every image."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import images
from serinus.api.v1alpha1 import ModelDeploymentSpec

EXAMPLES = Path(__file__).parents[2] / "examples"
# What stands beside a model is applied by tests/integration/test_examples.py and test_bare_cluster.py.
BESIDE = {"authentication", "bare-cluster", "security"}
MANIFESTS = sorted(path for path in EXAMPLES.glob("*/*.yaml") if path.parent.name not in BESIDE)
LOCKS = sorted(EXAMPLES.glob("*/requirements*.txt"))


def read(path: Path) -> dict[str, Any]:
    """Return the model of a manifest, which comes last."""
    content: dict[str, Any] = list(yaml.safe_load_all(path.read_text()))[-1]
    return content


def named(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def test_all_files_are_there() -> None:
    assert [named(path) for path in MANIFESTS] == [
        "flask/v1.yaml",
        "flask/v2-broken.yaml",
        "litert/v1.yaml",
        "onnx/v1.yaml",
        "quickstart/model.yaml",
        "recommender/autoscaled.yaml",
        *(f"recommender/v{version}.yaml" for version in range(1, 7)),
        "sklearn/v1.yaml",
        "sklearn/v2.yaml",
    ]
    assert len(LOCKS) == 6


@pytest.mark.parametrize("path", MANIFESTS, ids=named)
def test_a_manifest_is_explained_and_complete(path: Path) -> None:
    manifest = read(path)
    assert path.read_text().startswith("# ")
    assert (manifest["apiVersion"], manifest["kind"]) == ("serinus.dev/v1alpha1", "ModelDeployment")
    spec = ModelDeploymentSpec.model_validate(manifest["spec"])
    served = spec.runtime.name or (spec.model and spec.model.format in {"sklearn", "onnx", "tflite"})
    assert spec.runtime.port in {5000, 8000} or served


@pytest.mark.parametrize("folder", ["recommender", "flask"])
def test_versions_differ_in_their_image_and_in_what_is_judged(folder: str) -> None:
    manifests = [read(path) for path in MANIFESTS if path.parent.name == folder and path.stem.startswith("v")]
    judged = [manifest["spec"].pop("analysis", {}) for manifest in manifests]
    assert judged == [{"latency": {}} if number in {5, 6} else {} for number in range(1, len(manifests) + 1)]
    images = [manifest["spec"]["runtime"].pop("image") for manifest in manifests]
    assert images == [f"serinus-example/{folder}:{number}.0.0" for number in range(1, len(images) + 1)]
    assert all(manifest == manifests[0] for manifest in manifests)


def test_the_next_model_is_another_address_and_version() -> None:
    first, second = (read(EXAMPLES / "sklearn" / f"v{version}.yaml")["spec"] for version in (1, 2))
    told = [(spec["model"].pop("uri"), spec["model"].pop("version")) for spec in (first, second)]
    assert told == [(f"s3://models/tumours/{number}/model.skops", str(number)) for number in (1, 2)]
    assert first == second
    assert all(uri in (EXAMPLES / "README.md").read_text() for uri, _ in told)


@pytest.mark.parametrize("folder", ["litert", "onnx", "sklearn"])
def test_a_model_s_page_brings_it_where_its_manifest_says(folder: str) -> None:
    uri = read(EXAMPLES / folder / "v1.yaml")["spec"]["model"]["uri"]
    assert uri.removeprefix("oci://") in (EXAMPLES / folder / "README.md").read_text()


def test_the_autoscaled_one_differs_in_its_size_alone() -> None:
    fixed, scaled = read(EXAMPLES / "recommender" / "v1.yaml"), read(EXAMPLES / "recommender" / "autoscaled.yaml")
    assert fixed["spec"].pop("replicas") == 3
    assert scaled["spec"].pop("autoscaling")
    assert scaled == fixed


def test_the_readme_builds_every_image() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    for spec in (read(path)["spec"] for path in MANIFESTS):
        image = spec.get("runtime", {}).get("image")
        assert image is None or re.search(rf"build .*-t {re.escape(image)} ", readme), image


def test_the_readme_builds_them_as_the_demo_does() -> None:
    commands = re.findall(r"(?m)^docker build -f recommender/.*$", (EXAMPLES / "README.md").read_text())
    told = [dict(re.findall(r"--build-arg (\w+)=(\S+)", command)) for command in commands]
    assert told == [dict(images.recommender(version).arguments) for version in range(1, len(told) + 1)]
    assert len(told) == 6


@pytest.mark.parametrize("path", LOCKS, ids=named)
def test_a_lock_has_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    pins = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", text).strip())
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", pin), pin


def test_training_writes_with_the_numpy_that_serving_reads_with() -> None:
    pins = {
        re.findall(r"(?m)^numpy==\S+", (EXAMPLES / "recommender" / name).read_text())[0]
        for name in ("requirements.txt", "requirements-train.txt")
    }
    assert len(pins) == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/Containerfile")), ids=named)
def test_a_containerfile_needs_no_buildkit(path: Path) -> None:
    text = path.read_text()
    assert "<<" not in text
    assert not re.search(r"--(mount|link|chmod)\b|# syntax=", text)


def test_the_recommender_never_runs_as_root() -> None:
    assert "\nUSER 10001\n" in (EXAMPLES / "recommender" / "Containerfile").read_text()
