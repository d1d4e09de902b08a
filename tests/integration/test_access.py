"""A real Prometheus behind TLS and a login."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from cluster import programs
from cluster.console import ClusterError
from serinus.prometheus.access import Access
from serinus.prometheus.client import Prometheus, Unavailable

from .control_plane import free_port

USER, PASSWORD = "serinus", "let me in"
HASH = "$2b$04$abcdefghijklmnopqrstuuTnc8amReAFiMHxaSoW9U22KarbWnkSm"
"""The password by bcrypt at its least cost, as Prometheus wants it."""
SECONDS = 60.0


@dataclass(frozen=True)
class Authority:
    """Signs certificates, which lie in folders as cert-manager's Secrets do."""

    home: Path

    @classmethod
    def made(cls, home: Path) -> "Authority":
        home.mkdir()
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
                "-keyout", home / "ca.key", "-out", home / "ca.crt")  # fmt: skip
        return cls(home)

    def signed(self, name: str) -> Path:
        """Return a folder with a certificate for 127.0.0.1, its key and the authority's certificate."""
        target = self.home / name
        target.mkdir()
        (target / "extensions").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", target / "tls.key", "-out", target / "request")  # fmt: skip
        openssl("x509", "-req", "-in", target / "request", "-CA", self.home / "ca.crt", "-CAkey", self.home / "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", target / "extensions", "-out", target / "tls.crt")  # fmt: skip
        (target / "ca.crt").write_bytes((self.home / "ca.crt").read_bytes())
        return target


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def address(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that wants a certificate of the authority, and a login."""
    try:
        program = programs.built("prometheus")
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no Prometheus: {error}")
    home, own, port = tmp_path_factory.mktemp("prometheus"), authority.signed("server"), free_port()
    web = {
        "tls_server_config": {
            "cert_file": str(own / "tls.crt"), "key_file": str(own / "tls.key"),
            "client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(own / "ca.crt"),
        },
        "basic_auth_users": {USER: HASH},
    }  # fmt: skip
    (home / "web.yml").write_text(yaml.safe_dump(web))
    (home / "prometheus.yml").write_text("scrape_configs: []\n")
    options = [f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
               f"--web.config.file={home / 'web.yml'}", f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, *options], stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + SECONDS
            while "Server is ready to receive web requests" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def login(tmp_path: Path) -> Path:
    (tmp_path / "username").write_text(USER)
    (tmp_path / "password").write_text(PASSWORD)
    return tmp_path


def ask(address: str, access: Access) -> float:
    async def scenario() -> float:
        async with aiohttp.ClientSession() as session:
            (found,) = await Prometheus(session, address, SECONDS, access).query("vector(7)", 1000.0)
            return found.samples[-1][1]

    return asyncio.run(scenario())


def refusal(address: str, access: Access) -> str:
    with pytest.raises(Unavailable) as raised:
        ask(address, access)
    return str(raised.value)


def test_who_has_login_and_certificate_gets_an_answer(address: str, authority: Authority, login: Path) -> None:
    assert ask(address, Access({}, login, authority.signed("operator"))) == 7


def test_who_does_not_know_the_authority_asks_nobody(address: str, login: Path) -> None:
    assert "certificate verify failed" in refusal(address, Access({}, login))


def test_who_has_no_certificate_is_refused(address: str, authority: Authority, login: Path) -> None:
    alone = authority.home / "alone"
    alone.mkdir()
    (alone / "ca.crt").write_bytes((authority.home / "ca.crt").read_bytes())
    assert address in refusal(address, Access({}, login, alone))


def test_a_wrong_password_is_told_and_mended_without_a_restart(address: str, authority: Authority, login: Path) -> None:
    access = Access({}, login, authority.signed("renewed"))
    (login / "password").write_text("wrong")
    said = refusal(address, access)
    assert "HTTP 401" in said
    assert "wrong" not in said
    (login / "password").write_text(PASSWORD)
    assert ask(address, access) == 7


def test_a_renewed_certificate_is_used_from_the_next_query_on(
    address: str, authority: Authority, login: Path, tmp_path: Path
) -> None:
    """Another authority's is replaced by the right one, as a Secret is: by another file."""
    own = Authority.made(tmp_path / "other").signed("operator")
    access = Access({}, login, own)
    assert "certificate verify failed" in refusal(address, access)
    for file in authority.signed("newer").iterdir():
        (own / f"{file.name}.new").write_bytes(file.read_bytes())
        (own / f"{file.name}.new").replace(own / file.name)
    assert ask(address, access) == 7
