"""A Prometheus that scrapes proxies and pods which are not there.

Every tick of the simulation is a scrape. Requests follow the weights of each HTTPRoute, or
the ready endpoints of a model's Service where there is no route; an image answers with the
share of errors that a test gives it.
"""

import json
import re
import threading
import time
from collections import defaultdict, deque
from urllib.parse import parse_qs

from .control_plane import free_port
from .kube import Kube, Manifest
from .loopback import Request, Server
from .standin import StandIn

REQUESTS = 120.0
"""Requests a second through each model."""
KEPT = 3600
HANG = 30.0
_MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')
_SELECTOR = re.compile(r"\{(?P<matchers>.*)\}\[(?P<seconds>\d+)s\]")
MODEL, REVISION = "serinus.dev/modeldeployment", "serinus.dev/revision"

Labels = tuple[tuple[str, str], ...]


class Prometheus(StandIn):
    """Counts, and answers instant queries of range selectors."""

    every = 1.0

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        self.port = free_port()
        self._server: Server | None = None
        self._lock = threading.Lock()
        self._samples: dict[Labels, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._totals: dict[Labels, float] = {}
        self.queries: list[str] = []
        self.headers: dict[str, str] = {}
        """Of the newest query."""
        self.reset()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Up, with its own answers, and every image without errors."""
        self.errors: dict[str, float] = {}
        self.grpc_errors: dict[str, float] = {}
        """Share of gRPC calls that end with INTERNAL, by image."""
        self.grpc_codes = True
        """Whether the proxies count by codes of gRPC."""
        self.names: dict[str, tuple[str, str]] = {}
        """Counter and label of the status of pods, by image, where they are not the usual ones."""
        self.values: dict[str, float] = {}
        """Answers of custom queries."""
        self.mode = "up"
        self.up()

    def up(self) -> None:
        self.mode = "up"
        if self._server:
            return
        self._server = Server(self.answer, self.port).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.stop()
            self._server = None

    def stop(self) -> None:
        self.down()
        super().stop()

    def answer(self, request: Request) -> None:
        form = parse_qs(request.body().decode())
        query, at = form["query"][0], float(form["time"][0])
        self.queries.append(query)
        self.headers = dict(request.headers)
        kind, body = "application/json", json.dumps(self._result(query, at))
        if self.mode == "hang":
            time.sleep(HANG)
        if self.mode == "html":
            kind, body = "text/html", "<html><body>Sign in</body></html>"
        if self.mode == "empty":
            body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}})
        status = 401 if self.mode == "denied" else 200
        request.reply(status, body.encode(), {"Content-Type": kind})

    def _result(self, query: str, at: float) -> Manifest:
        selector = _SELECTOR.fullmatch(query)
        if selector is None:
            found = [{"metric": {}, "value": [at, str(self.values[query])]}] if query in self.values else []
            return {"status": "success", "data": {"resultType": "vector", "result": found}}
        matchers = [
            (name, re.compile(value if sign == "=~" else re.escape(value)))
            for name, sign, value in _MATCHER.findall(selector["matchers"])
        ]
        since = at - int(selector["seconds"])
        found = []
        with self._lock:
            for labels, samples in self._samples.items():
                metric = dict(labels)
                values = [[t, "NaN" if self.mode == "nan" else str(v)] for t, v in samples if since < t <= at]
                if values and all(pattern.fullmatch(metric.get(name, "")) for name, pattern in matchers):
                    found.append({"metric": metric, "values": values})
        return {"status": "success", "data": {"resultType": "matrix", "result": found}}

    def look(self) -> None:
        """Scrape once."""
        deployments = self.kube.find("deployments", selector=MODEL)
        images = {
            (d["metadata"]["namespace"], d["metadata"]["name"]): d["spec"]["template"]["spec"]["containers"][0]["image"]
            for d in deployments
        }
        routes = [route for kind in ("httproutes", "grpcroutes") for route in self.kube.find(kind, selector=MODEL)]
        pods = [
            p
            for p in self.kube.find("pods", selector=MODEL)
            if "prometheus.io/scrape" in p["metadata"].get("annotations", {})
        ]
        slices = self.kube.find("endpointslices", selector=MODEL) if pods else []
        now = time.time()  # noqa: TID251 - scrapes carry the time of day
        with self._lock:
            seen: set[Labels] = set()
            self._set(now, {"__name__": "up", "job": "envoy", "instance": "127.0.0.1:19001"}, 1.0)
            for route in routes:
                self._scrape_route(now, route, images, seen)
            self._scrape_pods(now, pods, slices, seen)
            for labels in set(self._totals) - seen:
                del self._totals[labels]  # a cluster without weight, a pod that went: its counters start over

    def _scrape_route(self, now: float, route: Manifest, images: dict[tuple[str, str], str], seen: set[Labels]) -> None:
        namespace, name = route["metadata"]["namespace"], route["metadata"]["name"]
        backends = route["spec"]["rules"][0]["backendRefs"]
        total = sum(backend["weight"] for backend in backends)
        for place, backend in enumerate(backends):
            if not backend["weight"]:
                continue
            cluster = f"{route['kind'].lower()}/{namespace}/{name}/rule/0/backend/{place}"
            base = {"job": "envoy", "instance": "127.0.0.1:19001", "envoy_cluster_name": cluster}
            requests = REQUESTS * self.every * backend["weight"] / total
            image = images.get((namespace, backend["name"]), "")
            counter = "envoy_cluster_upstream_rq"
            self._add(now, {**base, "__name__": f"{counter}_total"}, requests, seen)
            if route["kind"] == "GRPCRoute":  # the status of gRPC is always 200
                failed = requests * self.grpc_errors.get(image, 0.0)
                self._add(now, {**base, "__name__": f"{counter}_xx", "envoy_response_code_class": "2"}, requests, seen)
                for code, amount in (("0", requests - failed), ("13", failed)) if self.grpc_codes else ():
                    self._add(now, {**base, "__name__": f"envoy_cluster_grpc_Infer_{code}"}, amount, seen)
                continue
            failed = requests * self.errors.get(image, 0.0)
            for digit, amount in (("2", requests - failed), ("5", failed)):
                labels = {**base, "__name__": f"{counter}_xx", "envoy_response_code_class": digit}
                self._add(now, labels, amount, seen)

    def _scrape_pods(self, now: float, pods: list[Manifest], slices: list[Manifest], seen: set[Labels]) -> None:
        behind: dict[tuple[str, str], list[str]] = {}
        for part in slices:
            metadata = part["metadata"]
            service = metadata["labels"].get("kubernetes.io/service-name")
            if service != metadata["labels"][MODEL]:
                continue
            ready = [e["targetRef"]["name"] for e in part.get("endpoints") or [] if e["conditions"].get("ready")]
            behind.setdefault((metadata["namespace"], service), []).extend(ready)
        for pod in pods:
            namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            if not pod.get("status", {}).get("podIP"):
                continue
            base = {"job": "pods", "instance": f"{pod['status']['podIP']}:8080", "namespace": namespace, "pod": name}
            self._set(now, {**base, "__name__": "up"}, 1.0)
            names = behind.get((namespace, pod["metadata"]["labels"][MODEL]), [])
            requests = REQUESTS * self.every / len(names) if name in names else 0.0
            image = pod["spec"]["containers"][0]["image"]
            failed = requests * self.errors.get(image, 0.0)
            counter, label = self.names.get(image, ("http_requests_total", "status"))
            fine, bad = ("OK", "Internal") if label == "grpc_code" else ("200", "500")
            for status, amount in ((fine, requests - failed), (bad, failed)):
                self._add(now, {**base, "__name__": counter, label: status}, amount, seen)

    def _set(self, now: float, labels: dict[str, str], value: float) -> None:
        self._samples[tuple(sorted(labels.items()))].append((now, value))

    def _add(self, now: float, labels: dict[str, str], amount: float, seen: set[Labels]) -> None:
        key = tuple(sorted(labels.items()))
        self._totals[key] = self._totals.get(key, 0.0) + amount
        self._samples[key].append((now, float(round(self._totals[key]))))
        seen.add(key)
