"""Model servers that count their own requests, at this machine's own address: a pod's may not be loopback."""

import socket
import time

from .loopback import Request, Server

FAMILY = "http_requests_total"


def own_address() -> str:
    """Return an address of this machine that is not loopback. Nothing is sent.

    Raises:
        OSError: it has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


class Counting:
    """All pods of one revision: they answer `rate` requests a second, all of them well until they fail."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._began, self._failed_at = time.monotonic(), float("inf")
        self._server = Server(self._answer, host=own_address()).start()
        self.port = self._server.server_port

    def _answer(self, request: Request) -> None:
        request.reply(200, self.told().encode())

    def told(self) -> str:
        """Return what the metrics endpoint says now."""
        now = time.monotonic()
        fine = int(self.rate * (min(now, self._failed_at) - self._began))
        failed = int(self.rate * max(0.0, now - self._failed_at))
        lines = [f'{FAMILY}{{status="200"}} {fine}'] + [f'{FAMILY}{{status="500"}} {failed}'] * bool(failed)
        return "".join(f"{line}\n" for line in lines)

    def fail(self) -> float:
        """Answer nothing but 500 from now on; return when the first such answer is given (monotonic seconds)."""
        self._failed_at = time.monotonic()
        return self._failed_at + 1.0 / self.rate

    def stop(self) -> None:
        """Refuse connections."""
        self._server.stop()
