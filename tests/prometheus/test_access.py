"""What is sent to a Prometheus that wants to know who asks, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from serinus.prometheus.access import Access
from serinus.prometheus.client import Unavailable

from .server import Server, serving, success


def sent(access: Access, server: Server | None = None) -> dict[str, str]:
    """Return the headers of a query."""
    server = server or Server(success("vector", []))

    async def scenario() -> None:
        async with serving(server) as prometheus:
            await replace(prometheus, access=access).query("up", 1.0)

    asyncio.run(scenario())
    return server.headers[-1]


def refusal(access: Access, server: Server | None = None) -> str:
    with pytest.raises(Unavailable) as raised:
        sent(access, server)
    return str(raised.value)


def folder(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def test_nothing_is_sent_where_nothing_is_wanted() -> None:
    assert "Authorization" not in sent(Access())


def test_a_tenant_is_named_as_it_was_set() -> None:
    assert sent(Access({"X-Scope-OrgID": "team-a|team-b"}))["X-Scope-OrgID"] == "team-a|team-b"


def test_a_token_is_sent_and_a_renewed_one_from_the_next_query_on(tmp_path: Path) -> None:
    access = Access(credentials=folder(tmp_path / "s", token="one\n"))
    assert sent(access)["Authorization"] == "Bearer one"
    folder(tmp_path / "s", token="two")
    assert sent(access)["Authorization"] == "Bearer two"


def test_user_and_password_are_sent(tmp_path: Path) -> None:
    kind, login = sent(Access(credentials=folder(tmp_path / "s", username="ann", password="ü:x")))[
        "Authorization"
    ].split()
    assert (kind, b64decode(login).decode()) == ("Basic", "ann:ü:x")


@pytest.mark.parametrize("files", [{}, {"username": "ann"}, {"password": "x"}])
def test_credentials_that_are_not_there_are_told(tmp_path: Path, files: dict[str, str]) -> None:
    where = folder(tmp_path / "s", **files)
    assert refusal(Access(credentials=where)) == f"{where} holds neither token nor username and password"


def test_a_token_of_two_lines_is_told_and_not_shown(tmp_path: Path) -> None:
    said = refusal(Access(credentials=folder(tmp_path / "s", token="one\r\nX-Other: two")))
    assert "more than one line" in said
    assert "X-Other" not in said


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    said = refusal(Access(tls=folder(tmp_path / "s", **{"ca.crt": "no certificate"})))
    assert str(tmp_path / "s") in said
    assert "ca.crt" in said


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_is_told_with_what_to_do(tmp_path: Path, status: int) -> None:
    said = refusal(Access(credentials=folder(tmp_path / "s", token="secret")), Server(b"no", status))
    assert f"HTTP {status}" in said
    assert "prometheus.auth" in said
    assert "secret" not in said


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_gets_no_credentials(tmp_path: Path, status: int) -> None:
    server = Server(b"", status, answers={"Location": "/api/v1/format_query"})
    said = refusal(Access(credentials=folder(tmp_path / "s", token="secret")), server)
    assert "redirects" in said
    assert len(server.headers) == 1
