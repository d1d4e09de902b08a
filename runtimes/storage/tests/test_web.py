"""A file over HTTPS, with the faults that real servers have."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from conftest import Fetch, complete, contents
from web_server import Held, Site, cut_after, nothing, served, status

MODEL = random.Random(1).randbytes(3 << 20)
SHA256 = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
def site(web: Site) -> Site:
    web.files["/churn.skops"] = MODEL
    return web


def test_a_file_lies_in_the_target_under_its_name(site: Site, fetch: Fetch, target: Path) -> None:
    outcome = fetch(site.url("/churn.skops"), "--digest", f"sha256:{SHA256}")
    assert outcome.code == 0
    assert contents(target) == {"churn.skops": MODEL}
    assert complete(target)
    assert outcome.report["reason"] == "Fetched"
    assert outcome.report["digest"] == f"sha256:{SHA256}"
    assert outcome.report["bytes"] == len(MODEL)
    assert outcome.log == outcome.lines[-1]


def test_a_wrong_digest_leaves_nothing_and_names_both(site: Site, fetch: Fetch, target: Path) -> None:
    outcome = fetch(site.url("/churn.skops"), "--digest", f"sha256:{'0' * 64}")
    assert (outcome.code, outcome.reason) == (5, "DigestMismatch")
    assert SHA256 in outcome.message
    assert "0" * 64 in outcome.message
    assert site.url("/churn.skops") in outcome.message
    assert contents(target) == {}
    assert not complete(target)


def test_after_a_wrong_digest_everything_is_fetched_anew(site: Site, fetch: Fetch) -> None:
    fetch(site.url("/churn.skops"), "--digest", f"sha256:{'0' * 64}")
    assert fetch(site.url("/churn.skops"), "--digest", f"sha256:{SHA256}").code == 0
    assert len(site.seen) == 4


def test_a_transfer_that_breaks_off_goes_on_where_it_was(site: Site, fetch: Fetch, target: Path) -> None:
    site.faults["/churn.skops"] = [nothing, cut_after(1 << 20), cut_after(1 << 20)]
    outcome = fetch(site.url("/churn.skops"), "--digest", f"sha256:{SHA256}")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"churn.skops": MODEL}
    ranges = [headers.get("Range") for _, headers in site.seen]
    assert ranges == [None, None, f"bytes={1 << 20}-", f"bytes={2 << 20}-"]


def test_without_ranges_a_transfer_that_breaks_off_starts_over(site: Site, fetch: Fetch, target: Path) -> None:
    site.ranges = False
    site.faults["/churn.skops"] = [nothing, cut_after(1 << 20), cut_after(2 << 20)]
    outcome = fetch(site.url("/churn.skops"), "--max-bytes", str(len(MODEL)))
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"churn.skops": MODEL}


def test_more_breaks_than_tries_are_survived_while_bytes_come(site: Site, fetch: Fetch, target: Path) -> None:
    site.faults["/churn.skops"] = [nothing] + [cut_after(200_000)] * 12
    assert fetch(site.url("/churn.skops")).code == 0
    assert contents(target) == {"churn.skops": MODEL}


def test_unavailable_for_a_moment(site: Site, fetch: Fetch, target: Path) -> None:
    site.faults["/churn.skops"] = [status(503), status(429, Retry_After="0"), nothing, status(500)]
    outcome = fetch(site.url("/churn.skops"))
    assert outcome.code == 0
    assert contents(target) == {"churn.skops": MODEL}
    assert "503 Service Unavailable; trying again in" in outcome.output


def test_unavailable_for_good(site: Site, fetch: Fetch, target: Path) -> None:
    site.faults["/churn.skops"] = [status(503)] * 20
    outcome = fetch(site.url("/churn.skops"))
    assert (outcome.code, outcome.reason) == (9, "Unavailable")
    assert "503" in outcome.message
    assert "6 failures in a row" in outcome.message
    assert len(site.seen) == 6
    assert not complete(target)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(401, "AccessDenied"), (403, "AccessDenied"), (404, "NotFound"), (410, "NotFound"), (418, "InvalidRequest")],
)
def test_final_answers_are_not_tried_again(site: Site, fetch: Fetch, code: int, reason: str) -> None:
    site.faults["/churn.skops"] = [status(code)] * 2
    outcome = fetch(site.url("/churn.skops"))
    assert outcome.reason == reason
    assert f"{site.url('/churn.skops')}: answered {code}" in outcome.message
    assert len(site.seen) == 1


def test_nobody_listens(fetch: Fetch) -> None:
    with served() as site:
        url = site.url("/model.onnx").replace("http:", "https:")
    outcome = fetch(url)
    assert outcome.reason == "Unavailable"
    assert url in outcome.message


def test_a_certificate_that_is_not_trusted(site: Site, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    outcome = fetch(site.url("/churn.skops"))
    assert outcome.reason == "Unavailable"
    assert "SSL_CERT_FILE" in outcome.message
    assert "trying again" not in outcome.output


def test_too_large_is_said_before_anything_is_read(site: Site, fetch: Fetch, target: Path) -> None:
    outcome = fetch(site.url("/churn.skops"), "--max-bytes", "1000000")
    assert (outcome.code, outcome.reason) == (6, "TooLarge")
    assert "has 3.0 MiB, the limit is 976.6 KiB" in outcome.message
    assert len(site.seen) == 1
    assert contents(target) == {}


def test_too_large_is_found_while_it_is_read(site: Site, fetch: Fetch, target: Path) -> None:
    def endless(handler: object) -> bool:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Connection", "close")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        for _ in range(1000):
            handler.wfile.write(MODEL)  # type: ignore[attr-defined]
        return True

    site.faults["/churn.skops"] = [endless, endless]
    outcome = fetch(site.url("/churn.skops"), "--max-bytes", "10000000")
    assert outcome.reason == "TooLarge"
    assert not complete(target)


def test_a_disk_without_room(site: Site, fetch: Fetch, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serinus_fetch.budget.RESERVE", 1 << 60)
    outcome = fetch(site.url("/churn.skops"))
    assert (outcome.code, outcome.reason) == (7, "NoSpace")
    assert "needs 3.0 MiB" in outcome.message
    assert contents(target) == {}


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://localhost/model", "ftp://localhost/model", "gopher://x/"]
)
def test_a_redirect_to_another_protocol_is_refused(site: Site, fetch: Fetch, target: Path, where: str) -> None:
    site.faults["/churn.skops"] = [status(302, Location=where)]
    outcome = fetch(site.url("/churn.skops"))
    assert (outcome.code, outcome.reason) == (8, "UnsafeContent")
    assert contents(target) == {}


def test_a_redirect_is_followed_and_another_host_gets_no_credentials(
    site: Site, authority: trustme.CA, fetch: Fetch, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_TOKEN", "a-very-secret-token")
    with served(authority) as other:
        other.files["/store/abc"] = MODEL
        site.faults["/latest.skops"] = [status(302, Location=other.url("/store/abc?signature=x"))] * 2
        assert fetch(site.url("/latest.skops")).code == 0
    assert contents(target) == {"latest.skops": MODEL}
    assert {headers["Authorization"] for _, headers in site.seen} == {"Bearer a-very-secret-token"}
    assert [headers.get("Authorization") for _, headers in other.seen] == [None, None]


def test_credentials_are_sent_and_never_shown(site: Site, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_USERNAME", "reader")
    monkeypatch.setenv("HTTPS_PASSWORD", "correct-horse")
    site.faults["/correct-horse"] = [status(404)]
    outcome = fetch(site.url("/correct-horse?signature=abcdef"))
    assert site.seen[0][1]["Authorization"].startswith("Basic ")
    assert "correct-horse" not in outcome.output + outcome.log
    assert "abcdef" not in outcome.output + outcome.log
    assert "***" in outcome.message


def test_content_that_changes_under_way_is_not_mixed(site: Site, fetch: Fetch, target: Path) -> None:
    def changes(_: object) -> bool:
        site.files["/churn.skops"] = MODEL[::-1]
        return False

    site.faults["/churn.skops"] = [nothing, cut_after(1 << 20), changes]
    outcome = fetch(site.url("/churn.skops"))
    assert (outcome.code, outcome.reason) == (10, "SourceChanged")
    assert contents(target) == {}
    assert fetch(site.url("/churn.skops")).code == 0
    assert contents(target) == {"churn.skops": MODEL[::-1]}


def test_a_killed_fetch_looks_incomplete_and_the_next_one_goes_on(site: Site, fetch: Fetch, target: Path) -> None:
    held = Held(1 << 20)
    site.faults["/churn.skops"] = [nothing, held]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "serinus_fetch", site.url("/churn.skops"), str(target)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
    )
    assert held.sent.wait(30)
    partial = target / ".serinus-fetch" / "content" / "churn.skops"
    while not partial.exists() or partial.stat().st_size < 1 << 19:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    held.go.set()
    assert contents(target) == {}
    assert not complete(target)
    there = partial.stat().st_size
    assert fetch(site.url("/churn.skops"), "--digest", f"sha256:{SHA256}").code == 0
    assert contents(target) == {"churn.skops": MODEL}
    assert site.seen[-1][1]["Range"] == f"bytes={there}-"


def test_what_is_here_already_needs_no_source(site: Site, fetch: Fetch, target: Path) -> None:
    options = (site.url("/churn.skops"), "--digest", f"sha256:{SHA256}")
    assert fetch(*options).code == 0
    asked = len(site.seen)
    outcome = fetch(*options)
    assert (outcome.code, outcome.reason) == (0, "Fetched")
    assert len(site.seen) == asked
    (target / "churn.skops").write_bytes(b"spoilt")
    assert fetch(*options).code == 0
    assert contents(target) == {"churn.skops": MODEL}


def test_a_new_fetch_replaces_the_old_one_only_when_it_is_complete(site: Site, fetch: Fetch, target: Path) -> None:
    assert fetch(site.url("/churn.skops")).code == 0
    site.files["/other.onnx"] = b"other"
    assert fetch(site.url("/missing.onnx")).reason == "NotFound"
    assert contents(target) == {"churn.skops": MODEL}
    assert complete(target)
    assert fetch(site.url("/other.onnx")).code == 0
    assert contents(target) == {"other.onnx": b"other"}


def test_a_folder_of_somebody_else_is_left_alone(site: Site, fetch: Fetch, target: Path) -> None:
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    outcome = fetch(site.url("/churn.skops"))
    assert outcome.reason == "InvalidRequest"
    assert "thesis.txt" in outcome.message
    assert contents(target) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize(
    "name", ["%2e%2e", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "a%5cb", "a%00b", ".serinus-fetch"]
)
def test_a_name_that_leaves_the_folder_is_refused(site: Site, fetch: Fetch, target: Path, name: str) -> None:
    site.files[f"/{name}"] = b"evil"
    outcome = fetch(site.url(f"/{name}"))
    assert (outcome.code, outcome.reason) == (8, "UnsafeContent")
    assert contents(target) == {}


def test_an_empty_file(site: Site, fetch: Fetch, target: Path) -> None:
    site.files["/empty"] = b""
    assert fetch(site.url("/empty")).code == 0
    assert contents(target) == {"empty": b""}
