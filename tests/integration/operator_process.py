"""The operator as it is run: a process that can be killed."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from .control_plane import free_port
from .waiting import eventually

SOURCE = Path(__file__).parents[2] / "operator"
WRONG_CLOCK = Path(__file__).parent / "clock"
CONTAINERFILE = SOURCE.parent / "Containerfile"
_MEMORY = re.compile(r"^ *((?:MALLOC|OPENBLAS)_\w+)=(\S+)", re.MULTILINE)
"""What the image sets for memory."""


@dataclass
class OperatorProcess:
    """`python -m serinus` on one control plane."""

    kubeconfig: Path
    prometheus: str
    log: Path
    lease: str = ""
    """Namespace of the Lease that it shares with others; empty for the only one."""
    clock: Path | None = None
    """File that says by how many seconds its time of day is wrong; None for the right time."""
    settings: dict[str, str] = field(default_factory=dict)
    """More of its environment, from the next start on."""
    health_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.running:
            return
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.log.parent),
            "PYTHONPATH": str(SOURCE),
            **dict(_MEMORY.findall(CONTAINERFILE.read_text())),
            "SERINUS_KUBECONFIG": str(self.kubeconfig),
            "SERINUS_PROMETHEUS_ADDRESS": self.prometheus,
            "SERINUS_PROMETHEUS_TIMEOUT": "2s",
            "SERINUS_LEASE_NAMESPACE": self.lease,
            "SERINUS_HEALTH_PORT": str(self.health_port),
            "SERINUS_METRICS_PORT": str(self.metrics_port),
            **self.settings,
        }
        if self.clock:
            environment |= {"PYTHONPATH": f"{WRONG_CLOCK}:{SOURCE}", "TEST_CLOCK": str(self.clock)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "serinus"], stdout=log, stderr=log, env=environment)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as a node failure would: no warning, no last word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def leads(self) -> bool:
        """Tell whether it says that it is the one that works."""
        return "\nserinus_leads 1.0" in self.figures()

    def figures(self) -> str:
        """Return its own metrics, nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def _signal(self, what: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(what)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_until_healthy(self) -> None:
        eventually(lambda: self.healthy() or not self.running, "the operator answers its probe", show=self.last_words)
        assert self.running, self.last_words()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def _end(self, how: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)
            self.process = None
