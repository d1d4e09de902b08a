"""Real servers, and the program as a container runs it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from obstore.store import S3Store

from cluster import programs
from cluster.registry import Registry
from cluster.registry import registry as run_registry
from serinus_fetch.__main__ import main
from serinus_fetch.retry import Patience
from stores import Store, answers, free_port
from web_server import Site, served, trusted

HASTY = Patience(first=0.01)


@dataclass
class Outcome:
    """What one run of the program left."""

    code: int
    lines: list[str]
    log: str
    report: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.report = json.loads(self.lines[-1])

    @property
    def reason(self) -> object:
        return self.report["reason"]

    @property
    def message(self) -> str:
        return str(self.report["message"])

    @property
    def output(self) -> str:
        return "\n".join(self.lines)


Fetch = Callable[..., Outcome]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def fetch(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Fetch:
    """Run the program on an address, with options, and read what it says."""

    def run(uri: str, *options: str) -> Outcome:
        log = tmp_path / "termination-log"
        log.write_text("")
        code = main([uri, str(target), *options], os.environ, termination_log=log, patience=HASTY)
        return Outcome(code, capsys.readouterr().out.splitlines(), log.read_text())

    return run


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def web(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site over TLS whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted(authority, tmp_path)))
    with served(authority) as site:
        yield site


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the program's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".serinus-fetch")
    }


def complete(folder: Path) -> bool:
    """Whether the folder looks complete."""
    return (folder / ".serinus-fetch.json").exists()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real S3-compatible server: Versity's gateway on a folder."""
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    side = tmp_path_factory.mktemp("s3-metadata")
    command = [
        programs.built("versitygw"),
        "--access",
        "reader",
        "--secret",
        "a-secret-key",
        "--port",
        f"127.0.0.1:{port}",
    ]
    command += ["--quiet", "posix", "--sidecar", side, folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        answers(port, process)
        store = Store(folder, port, process)
        store.environ = {
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "a-secret-key",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
        yield store
        store.stop()


@pytest.fixture(scope="session")
def google() -> Iterator[Store]:
    """A server that speaks like Google Cloud Storage."""
    port = free_port()
    command = [programs.built("fake-gcs-server"), "-backend", "memory", "-scheme", "http", "-log-level", "error"]
    command += ["-host", "127.0.0.1", "-port", str(port), "-public-host", "127.0.0.1"]
    with subprocess.Popen(command) as process:
        answers(port, process)
        environ = {"GOOGLE_BASE_URL": f"http://127.0.0.1:{port}", "GOOGLE_SKIP_SIGNATURE": "true"}
        store = Store(Path(), port, process, environ)
        yield store
        store.stop()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real MLflow server."""
    with run_registry(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture
def s3(gateway: Store, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """An empty bucket `models`, and credentials for it in the environment."""
    for name, value in gateway.environ.items():
        monkeypatch.setenv(name, value)
    bucket = gateway.folder / "models"
    shutil.rmtree(bucket, ignore_errors=True)
    bucket.mkdir()
    return S3Store("models", client_options={"allow_http": True})
