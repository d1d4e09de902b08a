"""Steady gRPC calls, as `load` makes steady HTTP requests."""

import json
import os
import subprocess
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from cluster import venvs
from demo.site import ROOT
from scenarios.stand import Model

CLIENT = ROOT / "e2e" / "scenarios" / "grpc_client.py"
LOCK = ROOT / "e2e" / "images" / "tensorflow-serving" / "requirements.txt"


@dataclass(frozen=True)
class Seen:
    """What the callers saw.

    Attributes:
        statuses: How often each status came.
        errors: By status, everything that was said of it.
        versions: The first answer of each version of the model.
    """

    statuses: dict[str, int]
    errors: dict[str, list[str]]
    versions: dict[str, Any]


class GrpcLoad:
    """Steady gRPC calls by the server's own client package, in a process of its own, over one connection."""

    def __init__(self, model: Model, call: str, calls: int | None = None) -> None:
        """Say what to ask: `infer` is the Open Inference Protocol's, `predict` TensorFlow Serving's.

        Without a number of calls it asks until it is stopped.
        """
        target = model.site.gateway_url.removeprefix("http://")
        self._command = [str(venvs.python("grpc", LOCK, "20 s")), str(CLIENT), call]
        self._command += ["--target", target, "--authority", model.host, "--model", model.name]
        self._command += ["--calls", str(calls)] if calls else []

    def __enter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": ""}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, env=environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def stop(self) -> Seen:
        """End it and return what was seen."""
        return Seen(**json.loads(self._process.communicate()[0]))
