"""A background loop that plays a part of the cluster which is not there."""

import threading
import traceback

from .kube import Kube, RefusedError


class StandIn(threading.Thread):
    """Looks again and again; `failures` keeps what went wrong for the end of the session."""

    every = 0.1

    def __init__(self, kube: Kube) -> None:
        super().__init__(daemon=True, name=type(self).__name__)
        self.kube = kube
        self.failures: list[str] = []
        self._stop_asked = threading.Event()

    def look(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        while not self._stop_asked.wait(self.every):
            try:
                self.look()
            except RefusedError as refused:
                if refused.status not in {404, 409}:  # it went or changed meanwhile: look again
                    self.failures.append(str(refused))
            except OSError:
                pass  # the API server is going down
            except Exception:  # noqa: BLE001 - it must go on; the session's end shows it
                self.failures.append(traceback.format_exc())

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(10)
