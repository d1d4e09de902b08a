"""The dashboards: fresh, shipped, and each of their queries answered by a real Prometheus."""

from __future__ import annotations

import importlib
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import start_http_server

from cluster import programs
from serinus.analysis import Outcome
from serinus.api.status import Condition, MetricStatus, Phase, RevisionStatus, RolloutState, Status
from serinus.telemetry import metrics

from .discovery import ask, exported, free_port, prometheus

pytestmark = pytest.mark.chart

FILES = Path(__file__).parents[2] / "charts" / "serinus" / "files" / "dashboards"
BOARDS = sorted(FILES.glob("*.json"))
STABLE, CANARY = "0123456789", "abcdef0123"
POD = "rec-{}-7bcdf-x2z4q"
VARIABLES = {"namespace": "shop", "name": "rec", "metric": ".+", "__rate_interval": "6s"}
THEIRS = re.compile(r"\b(?:envoy|container|kube|process)_\w+(?=[{\[ ])")
SECONDS = 60.0
WAITING = ("ranking", "search")
"""Models whose new version is queued behind that of `rec`."""


def test_the_dashboards_are_those_that_are_generated() -> None:
    generator = importlib.import_module("charts.dashboards.__main__")
    assert {board.name for board in BOARDS} == set(generator.BOARDS)
    for name, board in generator.BOARDS.items():
        assert (FILES / name).read_text() == generator.render(board()), "run `make dashboard`"


def test_they_are_shipped_as_grafanas_sidecar_finds_them(helm: Any, rendered: Any) -> None:
    assert not rendered.all("ConfigMap")
    own = {
        "enabled": True,
        "namespace": "grafana",
        "labels": {"grafana_dashboard": "yes", "a": "b"},
        "annotations": {"f": "ml"},
    }
    held = helm.render({"monitoring": {"dashboard": own}}).one("ConfigMap")
    metadata = held["metadata"]
    assert (metadata["namespace"], metadata["annotations"]) == ("grafana", {"f": "ml"})
    assert own["labels"].items() <= metadata["labels"].items()
    assert {name: json.loads(text) for name, text in held["data"].items()} == {
        board.name: json.loads(board.read_text()) for board in BOARDS
    }
    default = helm.render({"monitoring": {"dashboard": {"enabled": True}}}).one("ConfigMap")
    assert default["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_panels_have_ids_of_their_own_and_data_of_the_chosen_prometheus(board: Path) -> None:
    found = json.loads(board.read_text())
    ids = [panel["id"] for panel in panels(found)]
    assert len(ids) == len(set(ids)) > 10
    for panel in panels(found):
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["description"]


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every expression of a dashboard with where it stands."""
    for panel in panels(board):
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", []))
    yield from ((one["name"], one["expr"]) for one in board.get("annotations", {}).get("list", []) if "expr" in one)


def lookups(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the selector and the label of every variable."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert found
            yield found[1], found[2]


def filled(expression: str) -> str:
    """Return an expression with the variables' values, as Grafana sends it."""
    for name, value in VARIABLES.items():
        expression = re.sub(rf"\${name}\b", value, expression)
    assert not re.search(r"\$[a-z_]", expression), expression
    return expression


ALL = [(board.stem, *query) for board in BOARDS for query in queries(json.loads(board.read_text()))]
KEYS = [(board.stem, *one) for board in BOARDS for one in lookups(json.loads(board.read_text()))]


def test_queries_ask_for_what_is_exported() -> None:
    """A name that is gone would hide behind an `or`."""
    text = " ".join([*(expression for _, _, expression in ALL), *(selector for _, selector, _ in KEYS)])
    own = set(re.findall(r"\bserinus_\w+", text))
    assert own <= exported()
    assert len(own) > 15
    known = set(re.findall(r"^\w+", others(1.0), re.MULTILINE)) | exported()
    assert set(THEIRS.findall(re.sub(r'"[^"]*"|by \([^)]*\)', "", text))) <= known
    phases = {phase for some in re.findall(r'phase=~"([^"]+)"', text) for phase in some.split("|")}
    assert {"Queued", "Stepping"} < phases <= set(Phase)


class Others(ThreadingHTTPServer):
    """What others than the operator export, as their documentation shapes it: everything grows with time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = others(time.monotonic()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def others(seconds: float) -> str:
    """Return the counters of gateway, pods, kubelet and kube-state-metrics."""
    lines = []
    for slot in (0, 1):
        own = f'envoy_cluster_name="httproute/shop/rec/rule/0/backend/{slot}"'
        lines += [
            f'envoy_cluster_upstream_rq_xx{{{own},envoy_response_code_class="{code}"}} {seconds * 9}' for code in "25"
        ]
        lines += [
            f'envoy_cluster_upstream_rq_time_bucket{{{own},le="{le}"}} {seconds * 9}' for le in ("5", "25", "+Inf")
        ]
    for revision in (STABLE, CANARY):
        own = f'namespace="shop",pod="{POD.format(revision)}"'
        lines += [f'http_requests_total{{{own},status="{status}"}} {seconds * 9}' for status in (200, 500)]
        lines += [f'http_request_duration_seconds_bucket{{{own},le="{le}"}} {seconds * 9}' for le in ("0.1", "+Inf")]
        lines += [f'container_cpu_usage_seconds_total{{{own},container="model"}} {seconds}']
        lines += [f'container_memory_working_set_bytes{{{own},container="model"}} 1e8']
        lines += [f'kube_pod_container_status_restarts_total{{{own},container="model"}} 1']
        lines += [f'kube_pod_status_ready{{{own},condition="true"}} 1']
    return "\n".join(lines) + "\n"


def show() -> None:
    """Let the operator's page tell of a rollout, one that waits for it, a rollback and a query of its own."""
    told = {name: 0.5 for name, field in MetricStatus.model_fields.items() if field.annotation == float | None}
    counts = {name: 50 for name, field in MetricStatus.model_fields.items() if field.annotation == int | None}
    metric = MetricStatus(name="error-rate", outcome=Outcome.PASS, reason="Proven", message="", **told, **counts)
    live = {side: RevisionStatus(revision=one, image="a:1") for side, one in (("stable", STABLE), ("canary", CANARY))}
    wrong = [Condition(type="Stalled", status="True", reason="MaxDurationExceeded")]
    rollout = RolloutState(phase=Phase.STEPPING, hold="Blind")
    status = Status(phase=Phase.STEPPING, weight=25, rollout=rollout, metrics=[metric], conditions=wrong, **live)
    metrics.lead()
    metrics.publish("shop", "rec", status)
    for waiting in WAITING:
        metrics.publish("shop", waiting, Status(phase=Phase.QUEUED))
    metrics.TRANSITIONS.count("shop", "rec", "WeightRaised")
    metrics.TIME_TO_SAFE.observe(3.0)
    metrics.RECONCILE.observe(0.02)
    metrics.ERRORS.labels("ApiError").inc()
    metrics.QUEUE_DEPTH.set(1)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: Any) -> Iterator[str]:
    """A real Prometheus that scrapes the operator's own page, and what others export."""
    show()
    port, rest = free_port(), Others()
    server, _ = start_http_server(port, addr="127.0.0.1")
    targets = [("serinus", port), ("others", rest.server_port)]
    jobs = [
        {
            "job_name": name,
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{number}"], "labels": {"pod": name, "namespace": "ops"}}],
        }
        for name, number in targets
    ]
    home = tmp_path_factory.mktemp("prometheus")
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
    try:
        with prometheus(programs.built("prometheus"), home, config) as address:
            wait(address, "min(count_over_time(up[1m])) > 8")
            show()  # counters grow, and a second decision is made
            wait(address, 'serinus_transitions_total{reason="WeightRaised"} > 1')
            yield address
    finally:
        rest.shutdown()
        server.shutdown()
        metrics.follow()
        for name in ("rec", *WAITING):
            metrics.forget("shop", name)


def wait(address: str, expression: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not ask(address, f"query?query={quote(expression)}")["result"]:
        assert time.monotonic() < deadline, expression
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("board", "panel", "expression"),
    ALL,
    ids=[f"{board}: {panel} {place}" for place, (board, panel, _) in enumerate(ALL)],
)
def test_every_query_has_an_answer(asked: str, board: str, panel: str, expression: str) -> None:
    """Over the past minute, as a graph asks: what has just happened may be over."""
    del board, panel
    now = float(ask(asked, "query?query=time()")["result"][0])
    found = ask(asked, f"query_range?query={quote(filled(expression))}&start={now - 60:.3f}&end={now:.3f}&step=1")
    assert found["result"], filled(expression)


@pytest.mark.parametrize(("board", "selector", "label"), KEYS)
def test_every_variable_has_values(asked: str, board: str, selector: str, label: str) -> None:
    del board
    found = ask(asked, f"series?match[]={quote(filled(selector))}")
    assert {one[label] for one in found} & {"shop", "rec", "error-rate"}


def test_those_that_wait_stand_beside_those_in_progress(asked: str) -> None:
    """The numbers are right, not only there: an empty answer would be shown as 0."""
    shown: dict[str, list[float]] = {}
    for board, panel, expression in ALL:
        if board == "serinus-models" and panel in {"In rollout", "Queued", "Rollouts in progress and queued"}:
            (answer,) = ask(asked, f"query?query={quote(filled(expression))}")["result"]
            shown.setdefault(panel, []).append(float(answer["value"][1]))
    assert shown == {"In rollout": [1], "Queued": [2], "Rollouts in progress and queued": [1, 2]}
