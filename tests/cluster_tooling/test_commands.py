"""Commands that fail, and names as Docker and containerd write them."""

import sys
from pathlib import Path

import pytest

from cluster import load
from cluster.console import ClusterError, run
from cluster.load import Built


def test_a_command_gets_its_input_and_gives_its_output() -> None:
    assert run(["cat"], stdin="words") == "words"


def test_a_failure_ends_with_the_last_lines_and_names_the_log(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    noisy = "print(*range(50), sep='\\n'); raise SystemExit(3)"
    with pytest.raises(ClusterError) as failure:
        run([sys.executable, "-c", noisy], log=log)
    text = str(failure.value)
    assert "status 3" in text
    assert "    49" in text
    assert "    29" not in text
    assert str(log) in text


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ClusterError, match="no-such-program: not found"):
        run(["no-such-program"])


@pytest.mark.parametrize(
    ("tag", "reference"),
    [
        ("model:1", "docker.io/library/model:1"),
        ("team/model:1", "docker.io/team/model:1"),
        ("serinus.dev/model:1", "serinus.dev/model:1"),
        ("localhost/model:1", "localhost/model:1"),
        ("host:5000/model:1", "host:5000/model:1"),
    ],
)
def test_a_tag_as_containerd_writes_it(tag: str, reference: str) -> None:
    assert Built(tag, "key").reference == reference


def test_bases_leave_out_stages_and_scratch(tmp_path: Path) -> None:
    file = tmp_path / "Containerfile"
    file.write_text("FROM --platform=x python:3.11-slim AS one\nfrom one as two\nFROM scratch\nFROM debian:12\n")
    assert load.bases(file) == ["python:3.11-slim", "debian:12"]
