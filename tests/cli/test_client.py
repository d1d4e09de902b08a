"""The client of the API server, against a server that answers what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serinus.cli.kube.client import Client, Refused
from serinus.cli.kube.config import Access
from serinus.cli.kube.models import NOT_INSTALLED, Models, together
from serinus.cli.trouble import Exit, Trouble

MISSING = {"kind": "Status", "message": 'modeldeployments.serinus.dev "x" not found', "details": {"name": "x"}}
FORBIDDEN = {"kind": "Status", "message": 'modeldeployments.serinus.dev is forbidden: User "eve" cannot list resource'}


class Server(ThreadingHTTPServer):
    """Answers by path; `hangs_up` closes every connection after its answer without a word."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.connections = 0
        self.hangs_up = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, answer = self.server.answers.get(self.path.partition("?")[0], (404, "404 page not found"))
        raw = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.close_connection = self.server.hangs_up

    do_PATCH = do_GET  # noqa: N815 - the base class wants this name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def models(server: Server, path: str = "", namespace: str = "ml") -> Models:
    address = f"http://127.0.0.1:{server.server_port}{path}"
    return Models(Client.of(Access(address, namespace, "here", {"token": "secret"})), namespace)


ROOT = "/apis/serinus.dev/v1alpha1"
COLLECTION = f"{ROOT}/namespaces/ml/modeldeployments"


def test_a_model_comes_without_what_nobody_reads(server: Server) -> None:
    server.answers[f"{COLLECTION}/a"] = 200, {"metadata": {"name": "a", "managedFields": [1]}, "spec": {}}
    assert models(server).get("a") == {"metadata": {"name": "a"}, "spec": {}}
    assert server.asked[0][2]["Authorization"] == "Bearer secret"


def test_a_server_behind_a_path_is_asked_there(server: Server) -> None:
    server.answers[f"/k8s/clusters/c-1{COLLECTION}/a"] = 200, {"metadata": {"name": "a"}}
    assert models(server, "/k8s/clusters/c-1").get("a")["metadata"]["name"] == "a"


def test_a_cluster_without_the_kind_says_how_to_install_it(server: Server) -> None:
    for ask in (lambda: models(server).get("x"), lambda: models(server).table(), lambda: models(server).all()):
        with pytest.raises(Trouble, match="install Serinus") as caught:
            ask()
        assert (caught.value.message, caught.value.exit_code) == (NOT_INSTALLED, Exit.CLUSTER)


def test_a_missing_model_is_told_although_the_others_may_not_be_listed(server: Server) -> None:
    server.answers[f"{COLLECTION}/x"] = 404, MISSING
    server.answers[COLLECTION] = 403, FORBIDDEN
    with pytest.raises(Trouble, match="no ModelDeployment 'x' in namespace 'ml'") as caught:
        models(server).get("x")
    assert caught.value.exit_code == Exit.UNFIT


def test_a_missing_model_is_told_where_another_namespace_has_it(server: Server) -> None:
    columns = [{"name": name} for name in ("Name", "Phase", "Namespace")]
    row = {"cells": ["x", "Stable", "ads"]}
    server.answers |= {
        f"{COLLECTION}/x": (404, MISSING),
        COLLECTION: (200, {"columnDefinitions": columns, "rows": []}),
        f"{ROOT}/modeldeployments": (200, {"columnDefinitions": columns, "rows": [row]}),
    }
    with pytest.raises(Trouble, match="in namespace 'ml', but in ads: add --namespace ads"):
        models(server).get("x")
    assert [path.partition("?")[2] for _, path, _, _ in server.asked[1:]] == [
        "includeObject=None&resourceVersion=0"
    ] * 2


def test_all_namespaces_are_told_by_the_objects_where_the_crd_is_older(server: Server) -> None:
    server.answers[f"{ROOT}/modeldeployments"] = 200, {"columnDefinitions": [{"name": "Name"}], "rows": []}
    models(server, namespace="").table()
    assert [path.partition("?")[2].partition("&")[0] for _, path, _, _ in server.asked] == [
        "includeObject=None",
        "includeObject=Metadata",
    ]


@pytest.mark.parametrize(
    ("status", "told"),
    [(403, 'User "eve" cannot list.*Ask whoever'), (401, "context 'here': log in again"), (500, "boom")],
)
def test_a_refusal_says_what_to_do(server: Server, status: int, told: str) -> None:
    server.answers[COLLECTION] = status, FORBIDDEN if status == 403 else "boom"
    with pytest.raises(Refused, match=told) as caught:
        models(server).table()
    assert caught.value.exit_code == Exit.CLUSTER


def test_a_server_that_is_not_there_is_named() -> None:
    access = Access("http://127.0.0.1:1", "ml", "here")
    with pytest.raises(
        Trouble, match=r"API server http://127\.0\.0\.1:1 of context 'here' cannot be reached.*--context"
    ):
        Client.of(access).get("/")


def test_a_connection_is_kept_and_a_new_one_made_when_the_server_let_it_go(server: Server) -> None:
    server.answers[COLLECTION] = 200, {"items": []}
    found = models(server)
    for _ in range(3):
        found.all()
    assert server.connections == 1
    server.hangs_up = True
    for _ in range(3):
        found.all()
    assert server.connections == 3


def test_an_annotation_is_merged(server: Server) -> None:
    server.answers[f"{COLLECTION}/a"] = 200, {"metadata": {"name": "a"}}
    models(server).annotate("a", {"serinus.dev/command": "abort/x/1"})
    method, path, headers, body = server.asked[0]
    assert (method, path) == ("PATCH", f"{COLLECTION}/a?fieldManager=serinus-cli")
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert body == {"metadata": {"annotations": {"serinus.dev/command": "abort/x/1"}}}


def test_what_is_asked_together_comes_in_order_and_one_failure_is_no_other_ones(server: Server) -> None:
    server.answers |= {"/a": (200, {"a": 1}), "/b": (403, FORBIDDEN), "/c": (200, {"c": 1})}
    client = models(server).client
    first, second, third = together(lambda: client.get("/a"), lambda: client.get("/b"), lambda: client.get("/c"))
    assert (first, third) == ({"a": 1}, {"c": 1})
    assert isinstance(second, Refused)


def test_a_proxy_that_is_not_supported_is_named() -> None:
    with pytest.raises(Trouble, match="only http:// proxies are"):
        Client.of(Access("https://a.example", "ml", proxy="socks5://p:1")).get("/")


def test_certificates_that_cannot_be_used_are_told() -> None:
    with pytest.raises(Trouble, match="get a new kubeconfig"):
        Client.of(Access("https://a.example", "ml", authority="nonsense"))
