"""What happens in a model's life, played under load, and what was dropped meanwhile."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from demo import install
from demo.install import SYSTEM, merge
from demo.prometheus import samples
from demo.site import Site
from load import Load
from load.answer import Answer
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model

RATE = 220.0
"""Requests a second, half of them over kept and half over new connections."""
CREATE, DELETE, ROUTELESS = "create", "delete", "no model"
PATIENT = {"timeoutSeconds": 10}
"""A machine that is too busy to answer a probe within a second shall restart no container: that does drop requests."""
SPEC: Manifest = {
    "replicas": 2,
    "runtime": {"probes": {"readiness": PATIENT, "liveness": PATIENT}},
    "route": {"timeout": "5s"},
    "rollout": {
        "steps": [{"weight": 10, "minDuration": "3s"}, {"weight": 50, "minDuration": "3s"}],
        "drain": "5s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}
HELD: Manifest = {**SPEC, "rollout": {**SPEC["rollout"], "steps": [{"weight": 10, "minDuration": "3s", "pause": True}]}}
PROXIES = "app.kubernetes.io/component=proxy,app.kubernetes.io/managed-by=envoy-gateway"
PROXY_NAMESPACE = "envoy-gateway-system"


@dataclass
class Ledger:
    """Which transition was under way when; a failure belongs to the one during which it was asked."""

    load: Load
    begun: list[tuple[float, str]] = field(default_factory=list)

    def begin(self, transition: str) -> None:
        self.begun.append((time.time(), transition))

    def spans(self, transition: str) -> list[tuple[float, float]]:
        """Return the beginning and the end of each time that a transition was under way."""
        ends = [at for at, _ in self.begun[1:]] + [time.time()]
        return [(at, end) for (at, name), end in zip(self.begun, ends, strict=True) if name == transition]

    def during(self, answer: Answer) -> str:
        return next((name for at, name in reversed(self.begun) if at <= answer.started), "")

    def dropped(self) -> list[dict[str, Any]]:
        """Return the failures that no model made on purpose, with the transition during which each was asked.

        Without a route the gateway says 404: before the creation, after the deletion, and
        at their turn for as long as its threads may differ.
        """
        wrong = [a for a in self.load.journal.failures() if not (a.kind == "404" and self._routeless(a))]
        return [{"during": self.during(answer), **answer.as_dict()} for answer in wrong + self._late()]

    def _routeless(self, answer: Answer) -> bool:
        """Tell whether there may have been no route at some moment of a request."""
        later = (name for at, name in self.begun if answer.started < at <= answer.ended)
        return not {"", CREATE, DELETE, ROUTELESS}.isdisjoint({self.during(answer), *later})

    def _late(self) -> list[Answer]:
        """Return what was answered otherwise long after a route came or went."""
        late: list[Answer] = []
        for name, right, wrong in ((CREATE, "200", "404"), (DELETE, "404", "200")):
            for began, ended in self.spans(name):
                answers = self.load.journal.window(began, ended)
                turned = next((a.ended for a in answers if a.kind == right), ended)
                late += [a for a in answers if a.started > turned + GATEWAY_LAG and a.kind == wrong]
        return late

    def check(self) -> None:
        dropped = self.dropped()
        assert not dropped, f"{len(dropped)} requests were dropped: {json.dumps(dropped[:5])}"

    def counts(self) -> dict[str, Counter[str]]:
        """Return the answers of each transition by kind."""
        found: dict[str, Counter[str]] = {name: Counter() for _, name in self.begun}
        for answer in self.load.journal.window():
            if name := self.during(answer):
                found[name]["injected" if answer.fault else answer.kind] += 1
        return found


def gateway_answers(site: Site) -> Counter[str]:
    """Return how many answers of each class (2, 4, 5) the gateway says it gave since it started."""
    found: Counter[str] = Counter()
    pods = site.kubectl(
        "--namespace", PROXY_NAMESPACE, "get", "pods", f"--selector={PROXIES}", "--output=jsonpath={.items[*].metadata.name}"
    )  # fmt: skip
    for pod in pods.split():
        path = f"/api/v1/namespaces/{PROXY_NAMESPACE}/pods/{pod}:19001/proxy/stats/prometheus"
        for sample in samples(site.kubectl("get", "--raw", path), "envoy_http_downstream_rq_xx"):
            if sample.labels["envoy_http_conn_manager_prefix"].startswith("http-"):
                found[sample.labels["envoy_response_code_class"]] += int(sample.value)
    return found


def client_answers(load: Load) -> Counter[str]:
    """Return the same as the client saw it."""
    return Counter(str(answer.status // 100) for answer in load.journal.window() if answer.status)


def create(model: Model) -> None:
    model.apply("recommender/v1.yaml", **SPEC)
    model.wait_stable()
    time.sleep(1)


def scale(model: Model, pods: int) -> None:
    """Set the size, and wait until pods that leave are gone."""
    model.kubectl("scale", "modeldeployment", model.name, f"--replicas={pods}")
    status = model.wait("the new size", lambda s: s["stable"]["readyReplicas"] == pods)
    revision = status["stable"]["revision"]
    model.wait("pods have left", lambda _: sum(_is_of(pod, revision) for pod in model.list("pods")) == pods)


def _is_of(pod: Manifest, revision: str) -> bool:
    return bool(pod["metadata"].get("labels", {}).get("serinus.dev/revision") == revision)


def held_canary(model: Model, name: str) -> str:
    """Bring a version, which its name makes a new one, to its first step, where it stays."""
    named = merge(HELD, {"runtime": {"env": [{"name": "VARIANT", "value": name}]}})
    model.apply("recommender/v2.yaml", **named)
    status = model.wait("the first step", lambda s: s["phase"] == "Stepping" and s["weight"] == 10)
    time.sleep(1)
    return str(status["canary"]["revision"])


def delete_canary(model: Model, revision: str) -> None:
    """Delete the Deployment of a canary that has traffic, and wait until it is back."""
    before = model.pods(revision)
    model.kubectl("delete", "deployment", f"{model.name}-{revision}")
    model.wait("other pods", lambda _: (now := model.pods(revision)) and not now.keys() & before.keys())
    model.wait("its step again", lambda s: s["phase"] == "Stepping" and s["weight"] == 10)


def restart_operator(site: Site) -> None:
    site.kubectl("--namespace", SYSTEM, "delete", "pods", "--all", "--grace-period=0", "--force")
    site.kubectl("--namespace", SYSTEM, "rollout", "status", "deployment", "--timeout=120s")


def upgrade_chart(site: Site) -> None:
    """Run `helm upgrade` with a change that replaces the operator's pod."""
    install.chart(site, {"serinus.dev/upgraded": str(time.time())})


def delete(model: Model) -> None:
    """Delete a model and wait until nothing of it is left."""
    model.kubectl("delete", "modeldeployment", model.name)
    deadline = time.monotonic() + 90
    kinds = "httproutes,services,deployments,controllerrevisions,pods,endpointslices"
    while left := [item["metadata"]["name"] for item in model.list(kinds)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.5)
