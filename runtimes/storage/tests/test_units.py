"""Addresses, digests, waiting and hiding, without any server."""

import hashlib
import threading
from pathlib import Path

import pytest

from conftest import Fetch
from serinus_fetch import address, digest
from serinus_fetch.budget import Budget, shown
from serinus_fetch.errors import FetchError, TransientError
from serinus_fetch.progress import Progress
from serinus_fetch.retry import Patience
from serinus_fetch.secrets import Hidden


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://models/churn/1", address.ObjectAddress("s3", "models", "churn/1")),
        ("gs://models", address.ObjectAddress("gs", "models", "")),
        ("https://example.com/model.onnx?v=1#top", address.WebAddress("https://example.com/model.onnx?v=1")),
        ("hf://org/churn", address.HubAddress("org/churn", "main", "")),
        (
            "hf://org/churn@refs%2Fpr%2F1/onnx/model.onnx",
            address.HubAddress("org/churn", "refs/pr/1", "onnx/model.onnx"),
        ),
        ("models:/churn/7", address.RegistryAddress("churn", "7")),
        ("models:/my%20model/12", address.RegistryAddress("my model", "12")),
    ],
)
def test_addresses(uri: str, expected: address.Address) -> None:
    assert address.parsed(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "churn",
        "file:///etc/passwd",
        "http://example.com/model",
        "https:///model",
        "https://user:password@example.com/model",
        "https://[::1/model",
        "s3://",
        "s3://UPPER case/x",
        "s3://models/x?versionId=1",
        "hf://churn",
        "models:/churn",
        "models:/churn/0",
        "models:/churn/staging",
        "models:/churn@champion",
        "models:/churn/latest",
        "s3://models/a\nb",
        "ftp://example.com/x",
    ],
)
def test_addresses_that_cannot_be_used(uri: str, fetch: Fetch, target: Path) -> None:
    outcome = fetch(uri)
    assert (outcome.code, outcome.reason) == (2, "InvalidRequest")
    assert outcome.log == outcome.lines[-1]
    assert "password" not in outcome.output
    assert not target.exists()


@pytest.mark.parametrize(
    "options", [("--max-bytes", "0"), ("--max-bytes", "1e6"), ("--digest", "md5:1"), ("--digest", "sha256:1")]
)
def test_options_that_cannot_be_used(fetch: Fetch, options: tuple[str, ...]) -> None:
    outcome = fetch("s3://models/churn", *options)
    assert (outcome.code, outcome.reason) == (2, "InvalidRequest")
    assert options[1] in outcome.message


def test_the_digest_of_a_folder_sorts_by_bytes() -> None:
    files = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("b", "a/b", "a.b", "Z", "ä")}
    listed = "".join(f"{files[name]}  {name}\n" for name in ("Z", "a.b", "a/b", "b", "ä"))
    assert digest.of_folder(files) == hashlib.sha256(listed.encode()).hexdigest()


def test_a_digest_may_be_written_in_capitals() -> None:
    assert digest.parsed("sha256:" + "AB" * 32) == "ab" * 32
    with pytest.raises(FetchError):
        digest.parsed("sha256:" + "ab" * 31)


def test_waits_grow_and_are_bounded() -> None:
    patience = Patience()
    fault = TransientError("busy")
    for failures in range(1, 12):
        full = min(2.0 ** (failures - 1), 30.0)
        assert full / 2 <= patience.wait(failures, fault) <= full
    assert patience.wait(1, TransientError("busy", retry_after=7.0)) == 7.0
    assert patience.wait(1, TransientError("busy", retry_after=3600.0)) == 30.0


def test_progress_is_told_until_it_is_left(tmp_path: Path) -> None:
    lines: list[str] = []
    told = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        told.set()

    budget = Budget("s3://models/churn", None, tmp_path)
    budget.spend(3 << 20)
    with Progress(budget, 12 << 20, say, every=0.01):
        assert told.wait(30)
    assert lines[0] == "3.0 MiB of 12.0 MiB (25%)"
    told.clear()
    with Progress(budget, None, say, every=0.01):
        assert told.wait(30)
    assert lines[-1] == "3.0 MiB"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (9 << 40, "9216.0 GiB")],
)
def test_amounts_are_for_people(count: int, text: str) -> None:
    assert shown(count) == text


def test_secrets_are_hidden_as_they_are_and_encoded() -> None:
    hidden = Hidden({"MLFLOW_TRACKING_PASSWORD": "a/b c&d'e", "PATH": "/usr/bin", "HF_TOKEN": "abc"})
    text = hidden.out_of("a/b c&d'e and a%2Fb%20c%26d%27e in /usr/bin, abc")
    assert text == "*** and *** in /usr/bin, abc"
