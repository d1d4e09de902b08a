"""A real MLflow server with users, for tests: started on a port of this machine, filled by its REST API."""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cluster import cache, venvs
from cluster.console import ClusterError

LOCK = cache.HERE.parents[1] / "runtimes" / "storage" / "requirements" / "mlflow.txt"
ADMIN, GUEST = "admin", "guest"
"""The guest may log in, and nothing else."""
LOOPBACK = "127.0.0.1"
PATIENCE = 300.0
"""Seconds for a start: it imports a great deal."""


@dataclass(frozen=True)
class Registry:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    password: str
    """Of both users."""

    def credentials(self, user: str = ADMIN) -> dict[str, str]:
        """The environment by which a client is that user."""
        return {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": self.password,
        }

    def log(self, name: str, files: Mapping[str, bytes], tags: Mapping[str, str] | None = None) -> str:
        """Make a run with tags and artifacts, and a version of a model from it; return the version."""
        run = self.call(
            "runs/create", experiment_id="0", tags=[{"key": k, "value": v} for k, v in (tags or {}).items()]
        )
        where = run["run"]["info"]["artifact_uri"]
        for path, body in files.items():
            self._ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts{where.partition(':')[2]}/model/{quote(path)}", body)
        return self.version(name, f"{where}/model", run["run"]["info"]["run_id"])

    def version(self, name: str, source: str, run: str | None = None) -> str:
        """Make a version of a model whose files lie at `source`."""
        try:
            self.call("registered-models/create", name=name)
        except urllib.error.HTTPError as error:  # it is there already
            error.close()
        made = self.call("model-versions/create", name=name, source=source, **({"run_id": run} if run else {}))
        return str(made["model_version"]["version"])

    def point(self, name: str, alias: str, version: str) -> None:
        """Let an alias point at a version."""
        self.call("registered-models/alias", name=name, alias=alias, version=version)

    def call(self, method: str, **body: Any) -> Any:
        """Post to the REST API as administrator."""
        return json.loads(self._ask("POST", f"/api/2.0/mlflow/{method}", json.dumps(body).encode()) or b"{}")

    def _ask(self, method: str, path: str, body: bytes) -> bytes:
        login = base64.b64encode(f"{ADMIN}:{self.password}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
            return bytes(answer.read())

    def freeze(self) -> None:
        """Let it answer nobody, until `thaw`."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the server and its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def registry(folder: Path, port: int | None = None, address: str = LOOPBACK) -> Iterator[Registry]:
    """Run a server that keeps everything in a folder; a second one on the same folder goes on with it.

    It listens on one address of this machine: loopback, or the one by which containers reach it.
    """
    python = venvs.python("mlflow", LOCK, "2 min")
    port = port or _free_port(address)
    password = _password(folder)
    environ = {
        **os.environ,
        "PYTHONPATH": "",
        "MLFLOW_AUTH_CONFIG_PATH": str(_users(folder, password)),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": password,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command: list[str | Path] = [python, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/registry.db",
        "--artifacts-destination",
        folder / "artifacts",
    ]
    command += ["--host", address, "--port", str(port)]
    with (folder / "mlflow.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        server = Registry(f"http://{address}:{port}", process, password)
        try:
            _wait(server, folder / "mlflow.log")
            _add_guest(server)
            yield server
        finally:
            server.stop()


def _wait(server: Registry, log: Path) -> None:
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/health").close()  # noqa: S310 - our own server
        except OSError:
            if server.process.poll() is not None or time.monotonic() > limit:
                raise ClusterError(f"MLflow does not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
        else:
            return


def _add_guest(server: Registry) -> None:
    try:
        server.call("users/create", username=GUEST, password=server.password)
    except urllib.error.HTTPError as error:  # there since an earlier start
        error.close()


def _password(folder: Path) -> str:
    path = folder / "password"
    if not path.exists():
        path.write_text(secrets.token_urlsafe(16))
    return path.read_text()


def _users(folder: Path, password: str) -> Path:
    path = folder / "users.ini"
    path.write_text(
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder}/users.db\n"
        f"admin_username = {ADMIN}\n"
        f"admin_password = {password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    return path


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
