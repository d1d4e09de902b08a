"""Requests as the examples' pages show them, and as clients send them."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from demo.site import ROOT, Site
from scenarios.stand import Model

SHOWN = re.compile(r"^(curl .*\$GATEWAY_URL.*)\n# (.*)$", re.MULTILINE)
"""A command, and below it the answer."""


@dataclass(frozen=True)
class Shown:
    """A request on a page, and what the page says that comes back."""

    example: str
    command: str
    answer: Any

    def run(self, site: Site) -> Any:
        """Run the command in the example's folder, as a reader would."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.command],
            cwd=ROOT / "examples" / self.example,
            env={"PATH": "/usr/bin:/bin", "GATEWAY_URL": site.gateway_url},
            capture_output=True,
            text=True,
            check=True,
        )
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return pytest.fail(f"{self.command} answered {done.stdout[:300]!r}")


def shown(example: str) -> list[Shown]:
    """Return the requests on an example's page."""
    page = (ROOT / "examples" / example / "README.md").read_text()
    found = [Shown(example, command, json.loads(answer)) for command, answer in SHOWN.findall(page)]
    assert found, f"examples/{example}/README.md shows no request with its answer"
    return found


def close(answer: Any) -> Any:
    """Return what equals an answer up to the last digits of its numbers, which differ between processors."""
    if isinstance(answer, dict):
        return {key: close(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [close(value) for value in answer]
    return pytest.approx(answer, rel=1e-3, abs=1e-6) if isinstance(answer, int | float) else answer


def post(model: Model, path: str, body: Any, more: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Send JSON to a model through the gateway, and return status and answer."""
    headers = {"Host": model.host, "Content-Type": "application/json", **(more or {})}
    url = f"{model.site.gateway_url}{path}"
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - a loopback URL of ours
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
