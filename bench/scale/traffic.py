"""Requests that follow the weights of every route, counted as the proxies of a gateway count them.

Nothing is sent. Counters grow with time, exactly: a weight or a fault that changes between two
scrapes counts from that moment on.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, zip_longest

from tests.integration.kube import Manifest

from .watching import Key

REQUESTS = 100.0
"""Requests a second through each route."""
WARM = 1e-5
"""A share below this one is only kept warm: Serinus leaves a part in a million to a side without traffic."""

Fails = Callable[[str, float], bool]
"""Whether a backend with this share of the traffic fails every request."""


@dataclass
class _Backend:
    """One place in a route, which is one cluster of a proxy."""

    name: str
    share: float
    since: float
    good: float = 0.0
    bad: float = 0.0


class Traffic:
    """All routes with their counters, and when a route gave its lesser side no traffic any more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._routes: dict[Key, list[_Backend]] = {}
        self._proxies: dict[str, set[Key]] = {}
        self._fails: Fails = lambda _name, _share: False
        self.safe_at: dict[Key, float] = {}
        """When each route was last written to give everything to one side, by the clock."""

    def see(self, key: Key, route: Manifest | None) -> None:
        """Note the weights of a route that was written."""
        now = self._clock()
        with self._lock:
            if route is None:
                self._routes.pop(key, None)
                for keys in self._proxies.values():
                    keys.discard(key)
                return
            for reference in route["spec"].get("parentRefs", []):
                self._proxies.setdefault(reference["name"], set()).add(key)
            references = route["spec"]["rules"][0].get("backendRefs", [])
            total = sum(reference.get("weight", 1) for reference in references) or 1
            shares = [(reference["name"], reference.get("weight", 1) / total) for reference in references]
            before = self._routes.get(key, [])
            if [(one.name, one.share) for one in before] == shares:
                return
            pairs = zip_longest(before[: len(shares)], shares)
            self._routes[key] = [_moved(known, *share, now, self._fails) for known, share in pairs]
            if lesser(shares) <= WARM:
                self.safe_at[key] = now

    def fail(self, rule: Fails) -> float:
        """Let backends fail by a new rule from now on; return when that was, by the clock."""
        with self._lock:
            now = self._clock()
            for backend in chain.from_iterable(self._routes.values()):
                _count(backend, now, self._fails)
            self._fails = rule
            return now

    def canaries(self) -> dict[Key, tuple[str, float]]:
        """Return the side with less traffic of every route that splits it, and its share."""
        with self._lock:
            split = {key: [b for b in backends if b.share > WARM] for key, backends in self._routes.items()}
        lesser_of = {key: min(backends, key=lambda b: b.share) for key, backends in split.items() if len(backends) == 2}
        return {key: (backend.name, backend.share) for key, backend in lesser_of.items()}

    def page(self, proxy: str) -> str:
        """Return the counters of one proxy in Prometheus' text format."""
        counter = "envoy_cluster_upstream_rq"
        lines = []
        with self._lock:
            now = self._clock()
            for namespace, name in self._proxies.get(proxy, ()):
                for place, backend in enumerate(self._routes[namespace, name]):
                    if not backend.share:
                        continue
                    _count(backend, now, self._fails)
                    cluster = f'envoy_cluster_name="httproute/{namespace}/{name}/rule/0/backend/{place}"'
                    good, bad = int(backend.good), int(backend.bad)
                    lines.append(f"{counter}_total{{{cluster}}} {good + bad}")
                    lines.append(f'{counter}_xx{{{cluster},envoy_response_code_class="2"}} {good}')
                    if bad:
                        lines.append(f'{counter}_xx{{{cluster},envoy_response_code_class="5"}} {bad}')
        return "\n".join([f"# TYPE {counter}_total counter", f"# TYPE {counter}_xx counter", *lines, ""])


def lesser(shares: list[tuple[str, float]]) -> float:
    """Return the share of the side that has less traffic, of a route with one or two sides."""
    return min(share for _, share in shares) if len({name for name, _ in shares}) > 1 else 0.0


def _moved(known: _Backend | None, name: str, share: float, now: float, fails: Fails) -> _Backend:
    """Return a place with its new backend and share; a cluster that was away starts over."""
    if known is None or known.name != name or not known.share:
        return _Backend(name, share, now)
    _count(known, now, fails)
    return _Backend(name, share, now, known.good, known.bad)


def _count(backend: _Backend, now: float, fails: Fails) -> None:
    requests = REQUESTS * backend.share * (now - backend.since)
    backend.since = now
    if fails(backend.name, backend.share):
        backend.bad += requests
    else:
        backend.good += requests
