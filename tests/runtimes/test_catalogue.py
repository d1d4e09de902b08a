"""The catalogue of runtimes: what is in it, what may be laid over it, and what a spec gets of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.model import ModelSource
from serinus.api.runtime import Runtime
from serinus.runtimes.catalogue import Catalogue, Unserved
from serinus.runtimes.loading import Images, load

FILE = Path(__file__).parents[2] / "operator" / "serinus" / "runtimes" / "catalogue.yaml"
NAMES = {
    "serinus-server", "mlserver", "triton", "tensorflow-serving", "kserve-sklearn", "kserve-xgboost", "kserve-lightgbm",
    "kserve-huggingface", "vllm", "ray-serve", "bentoml",
}  # fmt: skip
UNJUDGED = {"kserve-sklearn", "kserve-xgboost", "kserve-lightgbm", "kserve-huggingface"}
MODEL = {"uri": "s3://models/churn"}
IMAGES = Images("serinus/server:1", "serinus/server:1-full", "serinus/storage:1", "serinus/logger:1")
BUILT_IN = load("", IMAGES)


def laid_over(tmp_path: Path, over: Any) -> Catalogue:
    file = tmp_path / "runtimes.yaml"
    file.write_text(over if isinstance(over, str) else yaml.safe_dump(over))
    return load(str(file), IMAGES)


def pick(catalogue: Catalogue, model: dict[str, Any] | None = None, **runtime: Any) -> str | None:
    found = catalogue.pick(Runtime.model_validate(runtime), ModelSource.model_validate(model) if model else None)
    return found[0] if found else None


def test_the_runtimes_that_the_page_promises_are_there() -> None:
    assert set(BUILT_IN.runtimes) == NAMES


def test_our_own_images_are_settings() -> None:
    assert (BUILT_IN.runtimes["serinus-server"].image, BUILT_IN.fetcher.image) == (
        "serinus/server:1",
        "serinus/storage:1",
    )


def test_every_image_has_a_fixed_tag() -> None:
    for name, entry in BUILT_IN.runtimes.items():
        assert entry.image is None or re.search(r":v?[0-9][^/]*$", entry.image), name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_runtime_is_ready_only_when_its_server_says_so(name: str) -> None:
    probes = BUILT_IN.runtimes[name].probes
    for probe in (probes.startup, probes.readiness):
        assert probe is not None
        assert probe["httpGet"]["port"] == "http"
    assert probes.startup is not None
    assert probes.startup["periodSeconds"] * probes.startup["failureThreshold"] >= 600, "models are large"


def test_which_runtimes_cannot_tell_errors_by_themselves() -> None:
    assert {name for name, entry in BUILT_IN.runtimes.items() if entry.metrics is None} == UNJUDGED


def test_every_source_of_a_metric_is_named_beside_it() -> None:
    text = FILE.read_text()
    for part in re.findall(r"((?:\n    #[^\n]*)+)\n    metrics:", text):
        assert re.search(r"\w+/\S+\.(py|md|cc)|docs", part), part
    assert text.count("\n    metrics:") == len(re.findall(r"\n    #[^\n]*\n    metrics:", text))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("sklearn", "serinus-server"),
        ("onnx", "serinus-server"),
        ("tflite", "serinus-server"),
        ("mlflow", "mlserver"),
        ("tensorflow", "tensorflow-serving"),
        ("huggingface", "vllm"),
    ],
)
def test_the_format_picks_the_runtime(wanted: str, name: str) -> None:
    assert pick(BUILT_IN, {**MODEL, "format": wanted}) == name


def test_a_name_wins_over_the_format_and_an_image_over_both() -> None:
    assert pick(BUILT_IN, {**MODEL, "format": "sklearn"}, name="mlserver") == "mlserver"
    assert pick(BUILT_IN, {**MODEL, "format": "sklearn"}, image="own:1", port=80) is None
    assert pick(BUILT_IN, {**MODEL, "format": "odd"}, image="own:1", port=80) is None
    assert pick(BUILT_IN, name="bentoml", image="fraud:1") == "bentoml"


@pytest.mark.parametrize(
    ("model", "runtime", "told"),
    [
        ({**MODEL, "format": "sklern"}, {}, "spec.model.format is 'sklern', which no runtime serves: use one of"),
        ({**MODEL, "format": "sklern"}, {}, "sklearn, tensorflow"),
        ({**MODEL, "format": "sklearn"}, {"name": "mlservr"}, "spec.runtime.name is 'mlservr', which is not in the"),
        ({**MODEL, "format": "sklearn"}, {"name": "mlservr"}, "it has bentoml, kserve-huggingface"),
        (
            {**MODEL, "format": "sklearn"},
            {"name": "triton"},
            "spec.model.format is 'sklearn', which runtime 'triton' does not serve: use one of onnx, pytorch",
        ),
        (MODEL, {"name": "mlserver"}, "spec.model.format is None, which runtime 'mlserver' does not serve: use one of"),
        (
            None,
            {"name": "mlserver", "configMaps": [{"name": "settings", "mountPath": "/etc/settings"}]},
            "spec.runtime.name is 'mlserver', which loads a model: set spec.model.uri, or mount one of spec.runtime.configMaps at /mnt/models",
        ),
        (None, {"name": "bentoml"}, "spec.runtime.name is 'bentoml', which runs images that hold the model: set"),
    ],
)
def test_what_nobody_serves_is_told_with_what_there_is(
    model: dict[str, Any] | None, runtime: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unserved) as unserved:
        pick(BUILT_IN, model, **runtime)
    assert told in str(unserved.value)


def test_a_runtime_may_do_without_the_format() -> None:
    assert pick(BUILT_IN, MODEL, name="triton") == "triton"
    assert pick(BUILT_IN, MODEL, name="serinus-server") == "serinus-server"


# What is laid over it


def test_the_fields_of_an_entry_are_replaced_and_the_others_stay(tmp_path: Path) -> None:
    over = {"runtimes": {"mlserver": {"image": "registry.local/mlserver:9"}}, "fetcher": {"resources": {}}}
    found = laid_over(tmp_path, over)
    assert found.runtimes["mlserver"].image == "registry.local/mlserver:9"
    assert found.runtimes["mlserver"].probes == BUILT_IN.runtimes["mlserver"].probes
    assert (found.fetcher.image, found.fetcher.resources) == ("serinus/storage:1", {})


def test_a_new_runtime_serves_its_own_format(tmp_path: Path) -> None:
    entry = {"image": "catboost:1", "port": 80, "formats": {"catboost": {}}, "mountPath": "/model"}
    assert pick(laid_over(tmp_path, {"runtimes": {"mine": entry}}), {**MODEL, "format": "catboost"}) == "mine"


def test_a_runtime_is_removed_with_its_formats(tmp_path: Path) -> None:
    with pytest.raises(Unserved, match="'huggingface', which no runtime serves"):
        pick(
            laid_over(tmp_path, {"runtimes": {"vllm": None, "kserve-huggingface": None}}),
            {**MODEL, "format": "huggingface"},
        )
    assert pick(laid_over(tmp_path, {"runtimes": {"vllm": None}}), {**MODEL, "format": "huggingface"}) == (
        "kserve-huggingface"
    ), "the only one left"


def test_another_default_is_one_line(tmp_path: Path) -> None:
    assert (
        pick(laid_over(tmp_path, {"defaults": {"sklearn": "mlserver"}}), {**MODEL, "format": "sklearn"}) == "mlserver"
    )


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert laid_over(tmp_path, "# nothing\n") == BUILT_IN


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"runtimes": {"mlserver": {"imge": "x"}}}, r"runtimes\.mlserver\.imge: .*not permitted"),
        ({"runtimes": {"mlserver": {"port": 0}}}, r"runtimes\.mlserver\.port: .*\(it is '0'\)"),
        ({"runtimes": {"Mine": {"port": 1}}}, r"runtimes\.Mine"),
        ({"runtimes": {"mine": {"image": "a:1"}}}, r"runtimes\.mine: port: Field required, or grpcPort"),
        ({"runtimes": {"mine": {"grpcPort": 1, "metrics": {}}}}, r"runtimes\.mine: metrics\.port: Field required"),
        ({"defaults": {"sklearn": "mlservr"}}, "defaults.sklearn is 'mlservr', which is no runtime"),
        ({"defaults": {"onnx": "mlserver"}}, "defaults.onnx is 'mlserver', which is no runtime of the catalogue that"),
        ({"runtimes": {"serinus-server": None}}, r"formats has '\w+': say in defaults which runtime serves it"),
        ({"runtime": {}}, r"runtime: .*not permitted"),
        ("- a\n- list\n", "no catalogue of runtimes: it holds a list"),
        ("a: [", "no catalogue of runtimes"),
        ({"runtimes": {"mlserver": "x"}}, "no catalogue of runtimes"),
    ],
)
def test_a_wrong_catalogue_ends_the_start_and_says_where(tmp_path: Path, over: Any, told: str) -> None:
    with pytest.raises(SystemExit, match=told) as ended:
        laid_over(tmp_path, over)
    assert str(ended.value).startswith("SERINUS_RUNTIMES: ")


def test_a_missing_file_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="No such file"):
        load(str(tmp_path / "none.yaml"), IMAGES)
