"""What a person may say of a model and of what serves it."""

from __future__ import annotations

from typing import Any

import pytest

from serinus.api.runtime import Runtime
from serinus.reconcile.target import Refused, parse_spec

DIGEST = "sha256:" + "a" * 64
FULL = {
    "uri": "s3://models/churn",
    "format": "sklearn",
    "version": "7",
    "gitCommit": "0123abc",
    "dataVersion": "2026-11",
    "digest": DIGEST,
    "maxSize": "1.5Gi",
    "secretRef": {"name": "models"},
}


@pytest.mark.parametrize(
    "uri",
    [
        "models:/churn/7",
        "models:/churn@champion",
        "s3://bucket/a/b.skops",
        "gs://bucket/a",
        "hf://org/name@rev/file.onnx",
        "https://example.com/m.onnx?x=1",
        "oci://registry.example.com/churn:7",
        "pvc://claim/folder",
    ],
)
def test_every_scheme_of_the_page_is_taken(uri: str) -> None:
    spec = parse_spec({"model": {"uri": uri, "format": "sklearn"}})
    assert spec.model is not None
    assert spec.model.scheme == uri.partition(":")[0]
    assert spec.runtime.image is None


def test_a_model_with_everything_survives_the_wire() -> None:
    spec = parse_spec({"model": FULL})
    assert spec.model is not None
    assert spec.model.model_dump(mode="json", by_alias=True) == FULL


BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"uri": "ftp://x/y"}, "spec.model.uri: ", "it must be models:/name/version", "ftp://x/y"),
    ({"uri": "/mnt/models"}, "spec.model.uri: ", "it must be models:/", "/mnt/models"),
    ({"uri": "s3://"}, "spec.model.uri: ", "it must be", "s3://"),
    ({"uri": "models://churn/7"}, "spec.model.uri: ", "it must be models:/name", "models://churn"),
    ({"uri": "s3://a/b c"}, "spec.model.uri: ", "without spaces", "b c"),
    ({"uri": ""}, "spec.model.uri: ", "at least 1 character", "''"),
    ({"uri": "s3://a/b", "format": "Scikit Learn"}, "spec.model.format: ", "match pattern", "Scikit"),
    ({"uri": "s3://a/b", "digest": "md5:1"}, "spec.model.digest: ", "match pattern", "md5:1"),
    ({"uri": "s3://a/b", "maxSize": "big"}, "spec.model.maxSize: ", "match pattern", "big"),
    ({"uri": "s3://a/b", "gitCommit": "main"}, "spec.model.gitCommit: ", "match pattern", "main"),
    ({"uri": "s3://a/b", "version": "7 b"}, "spec.model.version: ", "match pattern", "7 b"),
    ({"uri": "s3://a/b", "sha": "x"}, "spec.model.sha: ", "not permitted", "x"),
    ({"format": "sklearn"}, "spec.model.uri: ", "required", "sklearn"),
    (
        {"uri": "oci://r/m:1", "dataVersion": "x.dvc"},
        "spec.model: ",
        "oci:// is mounted and not fetched: remove it",
        "x.dvc",
    ),
    ({"uri": "oci://r/m:1", "digest": DIGEST}, "spec.model: ", "oci:// is mounted and not fetched: remove it", DIGEST),
    ({"uri": "pvc://c/m", "maxSize": "1Gi"}, "spec.model: ", "maxSize is '1Gi', but pvc:// is mounted", "1Gi"),
    ({"uri": "pvc://c/m", "secretRef": {"name": "s"}}, "spec.model: ", "pvc:// needs no credentials", "'s'"),
]


@pytest.mark.parametrize(("model", "field", "remedy", "shown"), BAD, ids=[str(bad[0]) for bad in BAD])
def test_a_refusal_names_field_value_and_remedy(model: dict[str, Any], field: str, remedy: str, shown: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_spec({"model": {"format": "sklearn", **model}})
    message = refused.value.problem.message
    assert message.startswith(field)
    assert remedy in message
    assert shown in message


WHO_SERVES = [
    ({}, "nothing says what serves"),
    ({"model": {"uri": "s3://a/b"}}, "set model.format, or name a runtime in runtime.name"),
    ({"runtime": {"args": ["--x"]}}, "nothing says what serves"),
    ({"runtime": {"image": "a:1"}}, "port: Field required beside image 'a:1'"),
    ({"runtime": {"name": "vllm", "port": 8000}}, "port is 8000, but only an image of your own"),
    ({"runtime": {"name": "VLLM"}}, "match pattern"),
    ({"runtime": {"image": "a:1", "port": 1}, "analysis": {"guard": True}}, "runtime.metrics is not set"),
]


@pytest.mark.parametrize(("raw", "remedy"), WHO_SERVES)
def test_a_spec_says_what_serves(raw: dict[str, Any], remedy: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_spec(raw)
    assert remedy in refused.value.problem.message


@pytest.mark.parametrize(
    "runtime",
    [
        {"name": "triton"},
        {"name": "bentoml", "image": "fraud:1"},
        {"name": "bentoml", "image": "fraud:1", "port": 3001},
        {"image": "own:1", "port": 8000},
    ],
)
def test_a_runtime_has_a_name_an_image_or_both(runtime: dict[str, Any]) -> None:
    spec = parse_spec({"runtime": runtime})
    assert spec.runtime.model_dump(exclude_none=True) == runtime


def test_the_guard_may_count_on_the_catalogue() -> None:
    assert parse_spec({"runtime": {"name": "vllm"}, "analysis": {"guard": True}}).analysis.guard


def test_a_runtime_that_was_emptied_is_none() -> None:
    assert parse_spec({"model": {"uri": "s3://a/b", "format": "sklearn"}, "runtime": None}).runtime == Runtime()
    with pytest.raises(Refused, match="nothing says what serves"):
        parse_spec({"runtime": None})
