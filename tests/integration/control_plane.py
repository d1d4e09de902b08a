"""etcd, kube-apiserver and the controller manager as plain processes on loopback."""

import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

START_TIMEOUT = 60.0
CONTROLLERS = (
    "deployment-controller",
    "disruption-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
)
"""No kubelet keeps a node alive here: the controllers that would evict its pods stay off."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ControlPlane:
    """A real API server with real controllers, and no nodes."""

    assets: Path
    home: Path
    users: tuple[str, ...] = ()
    """Administrators beside the tests' own, each with a kubeconfig: the API server counts their requests apart."""
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[IO[bytes]] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    def kubeconfig_of(self, user: str) -> Path:
        return self.home / f"{user}.kubeconfig"

    def start(self) -> None:
        etcd, peer = free_port(), free_port()
        self._admit()
        key = self.home / "service-account.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        client = f"http://127.0.0.1:{etcd}"
        peers = f"http://127.0.0.1:{peer}"
        self.run(
            "etcd", f"--data-dir={self.home / 'etcd'}", f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}", f"--listen-peer-urls={peers}", "--unsafe-no-fsync", "--log-level=error",
            f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
        )  # fmt: skip
        self.run(
            "kube-apiserver", f"--etcd-servers={client}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            f"--cert-dir={self.home / 'certs'}", f"--token-auth-file={self.home / 'tokens.csv'}",
            "--authorization-mode=RBAC", f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
        )  # fmt: skip
        self._wait("/readyz")
        self._wait("/api/v1/namespaces/default")

    def start_controllers(self, qps: int = 500) -> None:
        """Start the controllers, once all CRDs are there: the garbage collector looks for new kinds every 30 s only.

        `qps` is how many requests a second each of them may make on average.
        """
        key = self.home / "service-account.key"
        self.run(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig}", f"--service-account-private-key-file={key}",
            "--leader-elect=false", "--secure-port=0", "--use-service-account-credentials=false",
            f"--controllers={','.join(CONTROLLERS)}", f"--kube-api-qps={qps}", f"--kube-api-burst={qps * 3 // 2}",
        )  # fmt: skip

    @property
    def _api_server(self) -> subprocess.Popen[bytes]:
        return next(process for process in self.processes if "kube-apiserver" in process.args[0])

    def freeze(self) -> None:
        """Let the API server hang: connections stay and nothing is answered."""
        self._api_server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._api_server.send_signal(signal.SIGCONT)

    def restart_api_server(self) -> None:
        """Kill the API server, and start it again on the same port and the same data."""
        old = self._api_server
        old.kill()
        old.wait()
        self.processes.remove(old)
        self.run("kube-apiserver", *old.args[1:])
        self._wait("/readyz")

    def stop(self) -> None:
        """End it at once: nothing of it is to be kept."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        for log in self.logs:
            log.close()

    def connect(self, timeout: float = 20.0) -> http.client.HTTPSConnection:
        context = ssl._create_unverified_context()  # noqa: S323 - a server of our own on loopback
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def headers(self, content: str = "application/json") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": content}

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> tuple[int, Any]:
        """Return the HTTP status and the JSON body of one call; a thread keeps its connection."""
        data = None if body is None else json.dumps(body).encode()
        known: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        for connection in (*((known,) if known else ()), self.connect()):
            try:
                connection.request(method, path, data, self.headers(content))
                answer = connection.getresponse()
                status, raw = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                failure: Exception = error
                continue
            self._local.connection = connection
            break
        else:
            self._local.connection = None
            raise OSError(f"{method} {path}: {failure}")
        try:
            return status, json.loads(raw)
        except ValueError:
            return status, {"message": raw.decode(errors="replace")}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl against this control plane and no other."""
        command = [str(self.assets / "kubectl"), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.home / 'kube'}"]
        return subprocess.run(
            [*command, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    def _admit(self) -> None:
        tokens = [f'{self.token},admin,admin,"system:masters"']
        self.kubeconfig.write_text(self._config(self.token))
        for user in self.users:
            token = secrets.token_hex(16)
            tokens.append(f"{token},{user},{user}")
            self.kubeconfig_of(user).write_text(self._config(token))
        (self.home / "tokens.csv").write_text("\n".join(tokens) + "\n")

    def _config(self, token: str) -> str:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "integration", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "integration",
        }
        return yaml.safe_dump(config)

    def run(self, program: str, *arguments: str) -> None:
        log = (self.home / f"{Path(program).name}.log").open("wb")
        self.logs.append(log)
        process = subprocess.Popen(
            [str(self.assets / program), *arguments], stdout=log, stderr=log, env={**os.environ, "KUBECONFIG": ""}
        )
        self.processes.append(process)

    def _wait(self, path: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args} ended with {process.returncode}, see {self.home}")
            try:
                if self.request("GET", path)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"{path} was not there after {START_TIMEOUT:g} s, see the logs in {self.home}")
