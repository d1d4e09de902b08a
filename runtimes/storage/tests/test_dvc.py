"""The hash of the data from a DVC file that lies with the model."""

from pathlib import Path

import pytest

from conftest import Fetch, complete
from test_archive import zipped
from web_server import Site

DVC = b"outs:\n- md5: 22a1a2931c8370d3aeedd7183606fd7f\n  size: 14445097\n  hash: md5\n  path: data.csv\n"


def fetched(web: Site, fetch: Fetch, content: bytes, path: str = "data/data.csv.dvc") -> dict[str, object]:
    web.files["/model.zip"] = zipped({"model.skops": b"model", "data/data.csv.dvc": content})
    return fetch(web.url("/model.zip"), "--data-version", path).report


def test_the_hash_of_its_output_is_told(web: Site, fetch: Fetch) -> None:
    assert fetched(web, fetch, DVC)["dataVersion"] == "22a1a2931c8370d3aeedd7183606fd7f"


def test_data_outside_has_an_etag(web: Site, fetch: Fetch) -> None:
    assert fetched(web, fetch, b"outs:\n- etag: abc\n  path: s3://data/x\n")["dataVersion"] == "abc"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"outs: []",
        b"outs: [{path: a}]",
        b"outs: {md5: a}",
        b"- 1",
        b"\xff\xfe",
        b"outs:\n- md5: a\n- md5: b\n",
    ],
)
def test_what_is_no_dvc_file_is_told(web: Site, fetch: Fetch, target: Path, content: bytes) -> None:
    report = fetched(web, fetch, content)
    assert report["reason"] == "InvalidRequest"
    assert "'data/data.csv.dvc' is no DVC file" in str(report["message"])
    assert not complete(target)


def test_a_file_that_is_not_there_or_elsewhere(web: Site, fetch: Fetch) -> None:
    assert "no DVC file 'other.dvc'" in str(fetched(web, fetch, DVC, "other.dvc")["message"])
    assert fetched(web, fetch, DVC, "../../etc/passwd")["reason"] == "UnsafeContent"
