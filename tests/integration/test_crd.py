"""The CustomResourceDefinition on a real API server: what it takes, refuses, shows and leaves alone."""

from typing import Any

import pytest

from .kube import Kube, Manifest, RefusedError
from .stand import manifest, spec
from .waiting import eventually

TLS = {"hostname": "shop.test"}
MINIMAL: Manifest = {"runtime": {"image": "registry.test/model:1", "port": 8080}}
MEAN = {
    "name": "revenue",
    "count": "orders",
    "sum": "euros",
    "sumsq": "euros2",
    "better": "Higher",
    "margin": 1,
    "effect": 2,
}
STEPS = "spec.rollout.steps"


def create(kube: Kube, namespace: str, body: Manifest, name: str = "shop") -> Manifest:
    return kube.create("modeldeployments", namespace, manifest(namespace, body, name))


def refusal(kube: Kube, namespace: str, body: Manifest, name: str = "shop") -> str:
    with pytest.raises(RefusedError) as caught:
        create(kube, namespace, body, name)
    return caught.value.message


def test_definition_is_established_and_structural(kube: Kube) -> None:
    found = kube.get("customresourcedefinitions", "", "modeldeployments.serinus.dev")
    assert found is not None
    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions


def test_runtime_is_stored_as_it_was_given(kube: Kube, namespace: str) -> None:
    create(kube, namespace, MINIMAL)
    stored = kube.get("modeldeployments", namespace, "shop")
    assert stored is not None
    assert stored["spec"]["runtime"] == MINIMAL["runtime"]


def test_full_runtime_is_stored_as_it_was_given(kube: Kube, namespace: str) -> None:
    runtime = {
        **MINIMAL["runtime"],
        "command": ["serve"],
        "args": ["--fast"],
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "1"}},
        "probes": {"readiness": {"httpGet": {"path": "/ready", "port": 8080}}},
        "configMaps": [{"name": "settings", "mountPath": "/etc/settings"}],
        "metrics": {"statusLabel": "code"},
        "podTemplate": {"metadata": {"labels": {"team": "a"}}, "spec": {"nodeSelector": {"gpu": "yes"}}},
    }
    create(kube, namespace, {"runtime": runtime})
    stored = kube.get("modeldeployments", namespace, "shop")
    assert stored is not None
    assert stored["spec"]["runtime"] == runtime


def test_defaults_outside_runtime_are_filled_in(kube: Kube, namespace: str) -> None:
    stored = create(kube, namespace, {**MINIMAL, "rollout": {}, "analysis": {}, "route": {"gateway": "public"}})
    assert stored["spec"]["replicas"] == 1
    assert [step["weight"] for step in stored["spec"]["rollout"]["steps"]] == [5, 25, 50]
    assert stored["spec"]["route"] == {"gateway": "public", "hostnames": [], "paths": ["/"], "timeout": "30s"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param(
            {"rollout": {"steps": [{"weight": 20}, {"weight": 10}]}}, f"{STEPS} must rise: a step", id="falling"
        ),
        pytest.param({"rollout": {"steps": [{"weight": 20}, {"weight": 20}]}}, f"{STEPS} must rise: two", id="equal"),
        pytest.param(
            {"rollout": {"steps": [{"weight": 95}], "watchWeight": 10}}, f"{STEPS} may go up to 100", id="above-watch"
        ),
        pytest.param({"rollout": {"steps": [{"weight": 96}]}}, f"{STEPS} may go up to 100", id="above-default-watch"),
        pytest.param({"rollout": {"steps": []}}, STEPS, id="no-step"),
        pytest.param({"rollout": {"steps": [{"weight": 0}]}}, "steps[0].weight", id="weight-0"),
        pytest.param({"rollout": {"steps": [{"weight": 101}]}}, "steps[0].weight", id="weight-101"),
        pytest.param({"rollout": {"drain": "soon"}}, "spec.rollout.drain", id="duration"),
        pytest.param({"rollout": {"drain": "-1s"}}, "spec.rollout.drain", id="negative-duration"),
        pytest.param({"rollout": {"drain": 30}}, "spec.rollout.drain", id="number-as-duration"),
        pytest.param(
            {"analysis": {"metrics": [{"name": "p99", "query": "x"}]}}, "set min, max or both", id="metric-no-limit"
        ),
        pytest.param(
            {
                "analysis": {
                    "metrics": [{"name": "p99", "query": "x", "min": 1}, {"name": "p99", "query": "y", "max": 1}]
                }
            },
            "every metric needs its own name",
            id="metric-twice",
        ),
        pytest.param({"analysis": {"alpha": 0}}, "spec.analysis.alpha", id="alpha-0"),
        pytest.param({"analysis": {"alpha": 0.5}}, "spec.analysis.alpha", id="alpha-half"),
        pytest.param({"analysis": {"beta": 0}}, "spec.analysis.beta", id="beta-0"),
        pytest.param({"analysis": {"beta": 0.5}}, "spec.analysis.beta", id="beta-half"),
        pytest.param({"analysis": {"errorRate": {"delta": 0.02}}}, "margin must be above delta", id="margin-errors"),
        pytest.param({"analysis": {"latency": {"margin": 0.01}}}, "margin must be above delta", id="margin-latency"),
        pytest.param(
            {"analysis": {"latency": {"objective": {"share": 1, "within": "1s"}}}}, "objective.share", id="objective"
        ),
        pytest.param({"analysis": {"maxDuration": "soon"}}, "spec.analysis.maxDuration", id="max-duration"),
        pytest.param({"analysis": {"means": [{**MEAN, "unit": "user"}]}}, "set one of sumsq and unit", id="mean-both"),
        pytest.param({"analysis": {"means": [{**MEAN, "effect": 0}]}}, "means[0].effect", id="mean-effect"),
        pytest.param(
            {"analysis": {"means": [{**MEAN, "margin": 0, "gating": True}]}}, "above 0 with gating", id="mean-gating"
        ),
        pytest.param({"analysis": {"means": [{**MEAN, "name": "latency"}]}}, "a built-in test", id="mean-reserved"),
        pytest.param({"analysis": {"means": [MEAN, MEAN]}}, "every mean needs its own name", id="mean-twice"),
        pytest.param(
            {"analysis": {"means": [MEAN], "metrics": [{"name": "revenue", "query": "x", "max": 1}]}},
            "a metric has the name of a mean",
            id="metric-and-mean",
        ),
        pytest.param(
            {"analysis": {"metrics": [{"name": "error-rate", "query": "x", "max": 1}]}},
            "a built-in test",
            id="reserved",
        ),
        pytest.param(
            {"analysis": {"metrics": [{"name": "p99", "query": "x", "max": 1, "compare": "Ratio"}]}},
            "a query with compare contains $revision",
            id="compare-without-revision",
        ),
        pytest.param({"analysis": {"onBlind": "Panic"}}, "spec.analysis.onBlind", id="policy"),
        pytest.param({"analysis": {"prometheus": {"address": "ftp://x"}}}, "prometheus.address", id="prometheus"),
        pytest.param({"route": {"gateway": "a/b/c"}}, "spec.route.gateway", id="gateway"),
        pytest.param({"route": {"gateway": "Public"}}, "spec.route.gateway", id="gateway-capitals"),
        pytest.param({"route": {"gateway": "g", "hostnames": ["a_b"]}}, "hostnames[0]", id="hostname"),
        pytest.param({"route": {"gateway": "g", "paths": ["predict"]}}, "paths[0]", id="path"),
        pytest.param({"replicas": 0}, "spec.replicas", id="replicas-0"),
        pytest.param(
            {"autoscaling": {"maxReplicas": 3, "minReplicas": 4, "cpuUtilization": 70}},
            "spec.autoscaling.minReplicas must not be above maxReplicas",
            id="autoscaling-bounds",
        ),
        pytest.param(
            {"autoscaling": {"maxReplicas": 3}},
            "spec.autoscaling needs cpuUtilization, memoryUtilization or both",
            id="autoscaling-no-target",
        ),
        pytest.param(
            {"replicas": 3, "autoscaling": {"maxReplicas": 3, "cpuUtilization": 70}},
            "spec.replicas decides nothing beside spec.autoscaling",
            id="two-sizes",
        ),
        pytest.param({"runtime": {"image": "", "port": 8080}}, "spec.runtime.image", id="image"),
        pytest.param({"runtime": {"image": "a:1"}}, "spec.runtime.port", id="no-port"),
        pytest.param({"runtime": {"image": "a:1", "port": 0}}, "spec.runtime.port", id="port"),
        pytest.param({"runtime": {"name": "triton", "grpcPort": 1}}, "spec.runtime.grpcPort", id="grpc-port-of-a-name"),
        pytest.param(
            {"runtime": {"image": "a:1", "port": 1, "grpcPort": 1}}, "grpcPort must not be port", id="one-port"
        ),
        pytest.param(
            {"runtime": {"image": "a:1", "grpcPort": 1, "metrics": {"port": 2}}},
            "needs port and grpc",
            id="grpc-counters",
        ),
        pytest.param({"runtime": {"name": "vllm", "tls": TLS}}, "spec.runtime.tls: only an image", id="tls-of-a-name"),
        pytest.param(
            {"runtime": {"image": "a:1", "grpcPort": 1, "tls": TLS}},
            "spec.runtime.tls: only an image",
            id="tls-of-grpc",
        ),
        pytest.param(
            {"runtime": {"image": "a:1", "port": 1, "tls": TLS, "predictionLog": {}}},
            "spec.runtime.tls: predictionLog reads what passes",
            id="unreadable",
        ),
        pytest.param(
            {"runtime": {"image": "a:1", "port": 1, "tls": TLS, "metrics": {"port": 1}}},
            "spec.runtime.metrics.port beside tls",
            id="counters-behind-tls",
        ),
        pytest.param(
            {"runtime": {"image": "a:1", "port": 1, "tls": {"hostname": "A_b"}}}, "spec.runtime.tls.hostname", id="host"
        ),
        pytest.param(
            {"route": {"gateway": "a", "protocols": ["GRPC", "GRPC"]}}, "spec.route.protocols[1]: Duplicate", id="twice"
        ),
        pytest.param({"route": {"gateway": "a", "protocols": ["TCP"]}}, "spec.route.protocols[0]", id="protocol"),
        pytest.param({"runtime": None}, "nothing says what serves: set spec.model.format", id="nothing-serves"),
        pytest.param({"runtime": {"args": []}}, "nothing says what serves", id="runtime-without-a-name"),
        pytest.param({"runtime": {"name": "vllm", "port": 1}}, "spec.runtime.port: only an image", id="port-of-a-name"),
        pytest.param({"model": {"uri": "ftp://a/b"}}, "spec.model.uri is ftp://a/b, but must be models:/", id="scheme"),
        pytest.param({"model": {"uri": "s3://a/b c"}}, "spec.model.uri is s3://a/b c, but", id="uri-with-a-space"),
        pytest.param({"model": {"format": "sklearn"}}, "spec.model.uri: Required value", id="no-uri"),
        pytest.param({"model": {"uri": "pvc://a", "maxSize": "1Gi"}}, "decide nothing", id="size-of-a-pvc"),
        pytest.param(
            {"model": {"uri": "pvc://a", "secretRef": {"name": "s"}}}, "spec.model.secretRef", id="pvc-secret"
        ),
        pytest.param({"replica": 3}, 'unknown field "spec.replica"', id="unknown-field"),
        pytest.param(
            {"runtime": {"image": "a:1", "port": 1, "imge": "b"}},
            'unknown field "spec.runtime.imge"',
            id="unknown-deep",
        ),
    ],
)
def test_invalid_specs_are_refused_by_name(kube: Kube, namespace: str, parts: dict[str, Any], message: str) -> None:
    assert message in refusal(kube, namespace, {**MINIMAL, **parts})


@pytest.mark.parametrize(
    "body",
    [
        {"model": {"uri": "models:/churn@champion", "format": "sklearn"}},
        {"model": {"uri": "oci://registry.test/churn:1", "secretRef": {"name": "pull"}}, "runtime": {"name": "triton"}},
        {"model": {"uri": "s3://a/b?c=1"}, "runtime": {"image": "a:1", "port": 8080}},
        {"runtime": {"name": "bentoml", "image": "fraud:1"}, "analysis": {"guard": True}},
        {"runtime": {"image": "a:1", "grpcPort": 9, "metrics": {"port": 8, "grpc": {}}}},
        {"runtime": {"image": "a:1", "port": 8, "tls": {"hostname": "a.b"}, "metrics": {"port": 9}}},
        {
            "runtime": {"image": "a:1", "port": 8, "grpcPort": 9},
            "route": {"gateway": "a", "protocols": ["GRPC", "HTTP"]},
        },
    ],
)
def test_models_and_named_runtimes_are_stored_as_they_are_written(
    kube: Kube, namespace: str, body: dict[str, Any]
) -> None:
    stored = create(kube, namespace, body)["spec"]
    assert {key: stored.get(key) for key in ("model", "runtime")} == {
        key: body.get(key) for key in ("model", "runtime")
    }, "a default was filled in"


def test_full_analysis_is_taken(kube: Kube, namespace: str) -> None:
    objective = {"share": 0.99, "within": "200ms"}
    ratio = {"name": "p99", "query": 'x{pod=~"$name-$revision-.+"}', "max": 1.2, "compare": "Ratio"}
    means = [
        MEAN,
        {
            "name": "clicks",
            "count": "shown",
            "sum": "clicked",
            "unit": "bucket",
            "better": "Higher",
            "margin": 0.01,
            "effect": 0.02,
        },
    ]
    analysis = {"latency": {"objective": objective}, "means": means, "metrics": [ratio], "maxDuration": "2h"}
    stored = create(kube, namespace, {**MINIMAL, "analysis": analysis})["spec"]["analysis"]
    assert stored["latency"]["objective"] == objective
    assert (stored["beta"], stored["latency"]["gating"], stored["means"][1]["gating"]) == (0.05, True, False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("a" * 47, "at most 46 characters", id="long"),
        pytest.param("9lives", "starts with a letter", id="digit"),
        pytest.param("a.b", "DNS label", id="dot"),
    ],
)
def test_names_whose_children_would_not_fit_are_refused(kube: Kube, namespace: str, name: str, message: str) -> None:
    assert message in refusal(kube, namespace, MINIMAL, name)


def test_longest_name_is_taken(kube: Kube, namespace: str) -> None:
    create(kube, namespace, MINIMAL, "a" * 46)


def test_rules_hold_for_updates(kube: Kube, namespace: str) -> None:
    create(kube, namespace, spec("registry.test/model:1", route=False))
    with pytest.raises(RefusedError, match="must rise"):
        kube.merge(
            "modeldeployments", namespace, "shop", {"spec": {"rollout": {"steps": [{"weight": 9}, {"weight": 3}]}}}
        )


def test_printer_columns(kube: Kube, namespace: str) -> None:
    create(kube, namespace, MINIMAL)
    status = {
        "phase": "Stepping",
        "weight": 20,
        "reason": "Because",
        "url": "http://shop.test/",
        "stable": {"revision": "aaaa", "image": "a:1"},
        "canary": {"revision": "bbbb", "image": "a:2"},
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "Stepping", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        ],
    }
    kube.merge("modeldeployments", namespace, "shop", {"status": status}, "status")
    header, row = kube.plane.kubectl("get", "mdep", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "READY", "PHASE", "STABLE", "CANARY", "WEIGHT", "AGE"]
    assert row.split()[:6] == ["shop", "False", "Stepping", "aaaa", "bbbb", "20"]
    header, row = kube.plane.kubectl("get", "mdep", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert header.split()[-3:] == ["REASON", "URL", "NAMESPACE"]
    assert row.split()[-3:] == ["Because", "http://shop.test/", namespace]


def test_scale_subresource(kube: Kube, namespace: str) -> None:
    create(kube, namespace, {**MINIMAL, "replicas": 2})
    kube.merge("modeldeployments", namespace, "shop", {"status": {"replicas": 2, "selector": "a=b"}}, "status")
    scale = kube.get("modeldeployments", namespace, "shop", "scale")
    assert scale is not None
    assert (scale["spec"]["replicas"], scale["status"]) == (2, {"replicas": 2, "selector": "a=b"})
    done = kube.plane.kubectl("scale", "modeldeployment/shop", "--replicas=5", "-n", namespace)
    assert done.returncode == 0, done.stderr
    stored = kube.get("modeldeployments", namespace, "shop")
    assert stored is not None
    assert stored["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("modeldeployment", "machine-learning model"),
        ("modeldeployment.spec.runtime.image", "Image of the model server"),
        ("modeldeployment.spec.rollout.watchWeight", "control group"),
        ("modeldeployment.spec.analysis.errorRate.delta", "Absolute tolerance"),
    ],
)
@pytest.mark.usefixtures("kube")
def test_explain_describes_fields(kube: Kube, field: str, text: str) -> None:
    """The API server publishes the document that this reads a moment after it takes the CRD."""

    def explained() -> bool:
        return text in " ".join(kube.plane.kubectl("explain", field).stdout.split())

    eventually(explained, f"{field} is described by {text!r}")


@pytest.mark.parametrize("after", [{}, {"runtime": {}}, {"runtime": {"image": "a:1", "port": 1}, "model": None}])
def test_what_a_person_leaves_out_of_an_applied_manifest_goes(
    kube: Kube, namespace: str, after: dict[str, Any]
) -> None:
    """Server-side apply leaves null where it takes all fields of an object away."""
    model = {"uri": "s3://a/b", "format": "sklearn", "secretRef": {"name": "s"}}
    kube.apply("modeldeployments", manifest(namespace, {"model": model, "runtime": {"name": "mlserver"}}))
    body = {"model": {"uri": "s3://a/b", "format": "sklearn"}, **after}
    stored = kube.apply(
        "modeldeployments", manifest(namespace, {key: part for key, part in body.items() if part is not None})
    )["spec"]
    assert not stored.get("runtime") or "name" not in stored["runtime"]
    assert not stored.get("model") or not stored["model"].get("secretRef")
