"""Repositories of the Hugging Face Hub, asked with its own library at a local endpoint."""

import random
from pathlib import Path

import pytest
import trustme

from conftest import Fetch, complete, contents
from hub_server import COMMIT, gated, publish, unknown
from web_server import Site, cut_after, served, status

MODEL = random.Random(4).randbytes(2 << 20)
FILES = {"config.json": b"{}", "onnx/model.onnx": MODEL, "onnx/README.md": b"read me"}


@pytest.fixture
def hub(web: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("HF_ENDPOINT", web.url(""))
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    publish(web, "org/churn", FILES)
    return web


def test_a_repository(hub: Site, fetch: Fetch, target: Path) -> None:
    outcome = fetch("hf://org/churn")
    assert outcome.code == 0, outcome.message
    assert contents(target) == FILES
    assert {headers.get("Authorization") or headers.get("authorization") for _, headers in hub.seen} == {
        "Bearer hf_0123456789"
    }


@pytest.mark.usefixtures("hub")
def test_a_folder_and_a_file_of_a_repository(fetch: Fetch, target: Path) -> None:
    assert fetch("hf://org/churn@main/onnx").code == 0
    assert contents(target) == {"model.onnx": MODEL, "README.md": b"read me"}
    assert fetch(f"hf://org/churn@{COMMIT}/onnx/model.onnx").code == 0
    assert contents(target) == {"model.onnx": MODEL}
    assert fetch("hf://org/churn/nothing").reason == "NotFound"


def test_large_files_come_from_elsewhere_and_the_token_does_not_go_there(
    hub: Site, authority: trustme.CA, fetch: Fetch, target: Path
) -> None:
    with served(authority) as store:
        store.files["/xet/abc"] = MODEL
        moved = status(302, Location=store.url("/xet/abc?X-Amz-Signature=secret"))
        hub.faults[f"/org/churn/resolve/{COMMIT}/onnx/model.onnx"] = [moved, moved]
        store.faults["/xet/abc"] = [cut_after(1 << 20)]
        outcome = fetch("hf://org/churn/onnx/model.onnx")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"model.onnx": MODEL}
    assert [headers.get("Authorization") for _, headers in store.seen] == [None, None]
    assert store.seen[-1][1]["Range"] == f"bytes={1 << 20}-"
    assert "secret" not in outcome.output


def test_a_large_file_that_is_not_what_the_hub_says(hub: Site, fetch: Fetch, target: Path) -> None:
    hub.files[f"/org/churn/resolve/{COMMIT}/onnx/model.onnx"] = MODEL[::-1]
    outcome = fetch("hf://org/churn")
    assert outcome.reason == "DigestMismatch"
    assert "onnx/model.onnx has the SHA-256" in outcome.message
    assert not complete(target)


def test_a_gated_repository(hub: Site, fetch: Fetch) -> None:
    hub.faults["/api/models/org/churn/revision/main"] = [gated]
    outcome = fetch("hf://org/churn")
    assert outcome.reason == "AccessDenied"
    assert "hf://org/churn@main: is gated" in outcome.message


def test_a_repository_that_is_private_or_not_there(hub: Site, fetch: Fetch) -> None:
    hub.faults["/api/models/org/other/revision/main"] = [unknown]
    outcome = fetch("hf://org/other")
    assert outcome.reason == "AccessDenied"
    assert "HF_TOKEN" in outcome.message
    assert "hf_0123456789" not in outcome.output


def test_a_revision_that_is_not_there(hub: Site, fetch: Fetch) -> None:
    outcome = fetch("hf://org/churn@v9")
    assert outcome.reason == "NotFound"
    assert "hf://org/churn@v9" in outcome.message
    assert len(hub.seen) == 1


@pytest.mark.usefixtures("hub")
def test_a_size_limit(fetch: Fetch) -> None:
    assert fetch("hf://org/churn", "--max-bytes", "1000").reason == "TooLarge"
