"""A real Prometheus, with proxies that are not there as its targets."""

import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cluster import programs
from tests.integration.control_plane import free_port
from tests.integration.loopback import Request, Server
from tests.integration.waiting import eventually

from .pages import total
from .traffic import Traffic

SCRAPE = 5
"""Seconds between two scrapes of a proxy."""


@dataclass
class MetricsSource:
    """Counters that `traffic` makes, scraped and kept by Prometheus."""

    home: Path
    traffic: Traffic
    proxies: tuple[str, ...]
    port: int = field(default_factory=free_port)
    _server: Server | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return the address of Prometheus."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve the counters and start Prometheus."""
        self.home.mkdir(parents=True)
        self._server = Server(self._answer).start()
        (self.home / "prometheus.yml").write_text(yaml.safe_dump(self._config(self._server.server_port)))
        with (self.home / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    programs.built("prometheus"),
                    f"--config.file={self.home / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.home / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._ready, "Prometheus is ready")

    def stop(self) -> None:
        """End both."""
        if self._process:
            self._process.kill()
            self._process.wait()
        if self._server:
            self._server.stop()

    def queries(self) -> float:
        """Return how many queries Prometheus has answered so far."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=10) as answer:  # noqa: S310 - our own address
            text = answer.read().decode()
        return total(text, "prometheus_http_requests_total", 'handler="/api/v1/query"')

    def _answer(self, request: Request) -> None:
        body = self.traffic.page(request.path.removeprefix("/")).encode()
        request.reply(200, body, {"Content-Type": "text/plain; version=0.0.4"})

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def _config(self, port: int) -> dict[str, Any]:
        targets = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {"__metrics_path__": f"/{proxy}", "instance": proxy},
            }
            for proxy in self.proxies
        ]
        return {
            "global": {"scrape_interval": f"{SCRAPE}s", "scrape_timeout": "4s"},
            "scrape_configs": [{"job_name": "envoy", "static_configs": targets}],
        }
