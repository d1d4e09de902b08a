"""Objects in a real S3-compatible server, and in a server that speaks like Google Cloud Storage."""

import hashlib
import random
import subprocess
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from conftest import Fetch, complete, contents
from stores import Cutter, Store

MODEL = random.Random(2).randbytes(3 << 20)
FILES = {
    "churn/MLmodel": b"flavors: {}",
    "churn/model.skops": MODEL,
    "churn/data/example.json": b"[]",
    "churning": b"no",
}


@pytest.fixture
def filled(s3: S3Store) -> S3Store:
    """The bucket `models` with some files."""
    for key, body in FILES.items():
        obstore.put(s3, key, body)
    return s3


@pytest.mark.usefixtures("filled")
def test_a_folder_holds_what_lies_below_the_prefix(fetch: Fetch, target: Path) -> None:
    outcome = fetch("s3://models/churn")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"MLmodel": b"flavors: {}", "model.skops": MODEL, "data/example.json": b"[]"}
    assert outcome.report["files"] == 3


@pytest.mark.usefixtures("filled")
def test_the_digest_of_a_folder_is_the_one_a_person_makes(fetch: Fetch, target: Path) -> None:
    digest = str(fetch("s3://models/churn/").report["digest"])
    command = (
        r"find . -type f -not -name '.serinus*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    )
    by_hand = subprocess.run(
        command, shell=True, cwd=target, capture_output=True, text=True, check=True
    ).stdout.split()[0]
    assert digest == f"sha256:{by_hand}"
    assert fetch("s3://models/churn", "--digest", digest).code == 0
    assert fetch("s3://models/churn", "--digest", f"sha256:{'1' * 64}").reason == "DigestMismatch"


@pytest.mark.usefixtures("filled")
def test_one_object(fetch: Fetch, target: Path) -> None:
    outcome = fetch("s3://models/churn/model.skops", "--digest", f"sha256:{hashlib.sha256(MODEL).hexdigest()}")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"model.skops": MODEL}


@pytest.mark.parametrize("uri", ["s3://models/churn/missing", "s3://models/chur", "s3://no-such-bucket/churn"])
@pytest.mark.usefixtures("filled")
def test_there_is_nothing(fetch: Fetch, target: Path, uri: str) -> None:
    outcome = fetch(uri)
    assert (outcome.code, outcome.reason) == (3, "NotFound"), outcome.message
    assert uri in outcome.message
    assert not complete(target)


@pytest.mark.usefixtures("filled")
def test_a_wrong_region(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    outcome = fetch("s3://models/churn")
    assert outcome.reason == "InvalidRequest"
    assert 'the region "eu-west-1" is wrong; expecting "us-east-1". Set AWS_REGION' in outcome.message


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
@pytest.mark.usefixtures("filled")
def test_wrong_credentials(fetch: Fetch, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "not-the-right-one")
    outcome = fetch("s3://models/churn")
    assert (outcome.code, outcome.reason) == (4, "AccessDenied"), outcome.message
    assert "AWS_SECRET_ACCESS_KEY into the Secret" in outcome.message
    assert "not-the-right-one" not in outcome.output
    assert "trying again" not in outcome.output


@pytest.mark.usefixtures("filled")
def test_a_folder_that_is_too_large(fetch: Fetch, target: Path) -> None:
    outcome = fetch("s3://models/churn", "--max-bytes", "1000")
    assert outcome.reason == "TooLarge"
    assert contents(target) == {}


@pytest.mark.usefixtures("filled")
def test_a_transfer_that_breaks_off_goes_on(
    gateway: Store, fetch: Fetch, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cutter(gateway.port, after=1 << 20, times=2) as cutter:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{cutter.port}")
        outcome = fetch("s3://models/churn/model.skops")
    assert outcome.code == 0, outcome.message
    assert cutter.cuts == 2
    assert outcome.output.count("trying again") == 2
    assert contents(target) == {"model.skops": MODEL}


@pytest.mark.usefixtures("filled")
def test_the_store_is_down(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    outcome = fetch("s3://models/churn")
    assert outcome.reason == "Unavailable"
    assert "s3://models/churn" in outcome.message
    assert len(outcome.message) < 700


def test_an_object_that_changes_between_two_runs_is_not_mixed(filled: S3Store, fetch: Fetch, target: Path) -> None:
    assert fetch("s3://models/churn/model.skops", "--digest", f"sha256:{'1' * 64}").reason == "DigestMismatch"
    obstore.put(filled, "churn/model.skops", MODEL[::-1])
    assert fetch("s3://models/churn/model.skops").code == 0
    assert contents(target) == {"model.skops": MODEL[::-1]}


@pytest.fixture
def gcs(google: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in google.environ.items():
        monkeypatch.setenv(name, value)
    return google


def test_google_cloud_storage(gcs: Store, fetch: Fetch, target: Path) -> None:
    for key, body in FILES.items():
        gcs.upload("models", key, body)
    gcs.upload("models", "churn/", b"")  # consoles make these, to show a folder
    gcs.upload("models", "churn/data/", b"")
    outcome = fetch("gs://models/churn")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"MLmodel": b"flavors: {}", "model.skops": MODEL, "data/example.json": b"[]"}


def test_google_cloud_storage_breaks_off(gcs: Store, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    gcs.upload("models", "churn/model.skops", MODEL)
    with Cutter(gcs.port, after=1 << 20, times=2) as cutter:
        monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{cutter.port}")
        outcome = fetch("gs://models/churn/model.skops", "--digest", f"sha256:{hashlib.sha256(MODEL).hexdigest()}")
    assert outcome.code == 0, outcome.message
    assert cutter.cuts == 2


@pytest.mark.parametrize("key", ["evil/../../etc/passwd", "evil//x", "evil/a\\b", "evil/a\nb"])
def test_keys_that_leave_the_folder_are_refused(gcs: Store, fetch: Fetch, target: Path, key: str) -> None:
    gcs.upload("unsafe", key, b"evil")
    gcs.upload("unsafe", "evil/good", b"good")
    outcome = fetch("gs://unsafe/evil")
    gcs.delete("unsafe", key)
    assert (outcome.code, outcome.reason) == (8, "UnsafeContent"), outcome.message
    assert contents(target) == {}


def test_a_key_that_is_a_file_and_a_folder_is_refused(gcs: Store, fetch: Fetch) -> None:
    gcs.upload("models", "both/x", b"file")
    gcs.upload("models", "both/x/y", b"below")
    outcome = fetch("gs://models/both/")
    assert outcome.reason == "UnsafeContent"
    assert "'x' is a file and a folder" in outcome.message


def test_no_credentials_anywhere(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_SERVICE_ACCOUNT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", "{}")
    outcome = fetch("gs://models/churn")
    assert outcome.reason == "AccessDenied"
    assert "GOOGLE_SERVICE_ACCOUNT_KEY, the key file's text" in outcome.message
