"""How a model comes into a pod, and what the pod tells of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.desired import labels
from serinus.desired.model import Pin, bytes_of
from serinus.desired.pod import template

from .catalogued import serving

DIGEST = "sha256:" + "a" * 64


def spec(**model: Any) -> dict[str, Any]:
    raw = {"uri": "s3://models/churn", "format": "sklearn", **model}
    return template("churn", "aaaaaaaaaa", serving({"model": raw}))


def test_a_model_is_fetched_before_the_server_starts() -> None:
    found = spec(digest=DIGEST, maxSize="1Gi", secretRef={"name": "bucket"})["spec"]
    (fetcher,) = found["initContainers"]
    assert fetcher["image"] == "serinus/storage:1.0.0"
    assert fetcher["args"] == ["s3://models/churn", "/mnt/models", "--max-bytes", str(2**30), "--digest", DIGEST]
    assert fetcher["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    assert fetcher["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert fetcher["resources"]["limits"]["memory"]
    assert found["volumes"] == [{"name": "model", "emptyDir": {"sizeLimit": str(2 * 2**30)}}]
    assert "imagePullSecrets" not in found


def test_the_secret_reaches_the_fetcher_alone() -> None:
    found = spec(secretRef={"name": "bucket"})["spec"]
    assert "envFrom" not in found["containers"][0]


def test_the_server_reads_the_model_and_cannot_change_it() -> None:
    (mount,) = spec()["spec"]["containers"][0]["volumeMounts"]
    assert mount["readOnly"]


def test_the_size_is_bounded_when_the_spec_says_nothing() -> None:
    (fetcher,) = spec()["spec"]["initContainers"]
    assert fetcher["args"][-2:] == ["--max-bytes", str(10 * 2**30)]


def test_an_image_is_mounted_as_it_is() -> None:
    found = spec(uri="oci://registry.example.com/churn:7", secretRef={"name": "pull"})["spec"]
    assert "initContainers" not in found
    assert found["volumes"] == [
        {"name": "model", "image": {"reference": "registry.example.com/churn:7", "pullPolicy": "IfNotPresent"}}
    ]
    assert found["imagePullSecrets"] == [{"name": "pull"}]


@pytest.mark.parametrize(("uri", "folder"), [("pvc://models/churn/7/", "churn/7"), ("pvc://models", None)])
def test_a_claim_is_mounted_read_only(uri: str, folder: str | None) -> None:
    found = spec(uri=uri)["spec"]
    assert "initContainers" not in found
    assert found["volumes"] == [{"name": "model", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}]
    (mount,) = found["containers"][0]["volumeMounts"]
    assert (mount.get("subPath"), mount["readOnly"]) == (folder, True)


def test_what_a_model_was_made_from_travels_with_its_pods() -> None:
    metadata = spec(version="v7+x", gitCommit="0123abc", dataVersion="md5: 12/34 of March")["metadata"]
    full = {
        "serinus.dev/model-uri": "s3://models/churn",
        "serinus.dev/model-version": "v7+x",
        "serinus.dev/git-commit": "0123abc",
        "serinus.dev/data-version": "md5: 12/34 of March",
    }
    assert full.items() <= metadata["annotations"].items()
    short = {**full, "serinus.dev/model-version": "v7-x", "serinus.dev/data-version": "md5-12-34-of-March"}
    del short["serinus.dev/model-uri"]
    assert short.items() <= metadata["labels"].items()
    assert "serinus.dev/model-uri" not in metadata["labels"]


def test_a_dvc_file_is_read_by_the_fetcher_and_is_no_label() -> None:
    found = spec(dataVersion="data/train.csv.dvc")
    (fetcher,) = found["spec"]["initContainers"]
    assert fetcher["args"][-2:] == ["--data-version", "data/train.csv.dvc"]
    assert "serinus.dev/data-version" not in {**found["metadata"]["labels"], **found["metadata"]["annotations"]}


def test_what_the_registry_knows_is_told_where_the_spec_says_nothing() -> None:
    pin = Pin("models:/churn/7", "7", "c0ffee1", "9f86d0")
    raw = {"uri": "models:/churn@champion", "format": "sklearn", "gitCommit": "0123abc"}
    found = template("churn", "aaaaaaaaaa", serving({"model": raw}, pin=pin))
    told = found["metadata"]["annotations"]
    assert told["serinus.dev/model-uri"] == "models:/churn/7"
    assert (told["serinus.dev/git-commit"], told["serinus.dev/data-version"]) == ("0123abc", "9f86d0")
    (fetcher,) = found["spec"]["initContainers"]
    assert fetcher["args"][0] == "models:/churn/7"
    assert [variable["name"] for variable in fetcher["env"]] == ["MLFLOW_TRACKING_URI"]


def test_a_pod_without_a_model_tells_nothing_of_one() -> None:
    found = template("churn", "aaaaaaaaaa", serving({"runtime": {"image": "a:1", "port": 1}}))
    assert not [key for key in found["metadata"]["annotations"] if key.startswith("serinus.dev/")]
    assert "volumes" not in found["spec"]


@given(st.text(max_size=200))
def test_any_text_makes_a_value_that_kubernetes_takes(text: str) -> None:
    assert re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", labels.value(text))
    assert len(labels.value(text)) <= 63


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("1", 1),
        ("500Mi", 500 * 2**20),
        ("1.5Gi", 3 * 2**29),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2M", 2_000_000),
        ("1T", 10**12),
    ],
)
def test_quantities_are_bytes(quantity: str, size: int) -> None:
    assert bytes_of(quantity) == size
