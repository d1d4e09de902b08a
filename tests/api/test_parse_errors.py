"""A spec that cannot be served is refused with the field, its value and what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from serinus.api.v1alpha1 import Compare, ModelDeploymentSpec, OnHold
from serinus.reconcile.target import Refused, parse_spec

MINIMAL: dict[str, Any] = {"runtime": {"image": "model:1", "port": 8000}}


def with_(path: str, value: Any) -> dict[str, Any]:
    raw = json.loads(json.dumps(MINIMAL))
    *folders, name = path.split(".")
    place = raw
    for folder in folders:
        place = place.setdefault(folder, {})
    place[name] = value
    return raw


STEP = {"weight": 10}
MEAN = {
    "name": "revenue",
    "count": "orders",
    "sum": "euros",
    "sumsq": "euros2",
    "better": "Higher",
    "margin": 1,
    "effect": 2,
}
BY_USER = {key: value for key, value in MEAN.items() if key != "sumsq"} | {"unit": "bucket"}


def mean(**parts: Any) -> list[dict[str, Any]]:
    return [{**MEAN, **parts}]


def metric(**parts: Any) -> list[dict[str, Any]]:
    return [{"name": "p99", "query": "x", "max": 1, **parts}]


BAD = [
    ("replicas", 0, "spec.replicas: ", "greater than or equal to 1", "0"),
    ("replicas", "many", "spec.replicas: ", "valid integer", "many"),
    ("autoscaling", {"maxReplicas": 3}, "spec.autoscaling: ", "nothing to scale by", "3"),
    (
        "autoscaling",
        {"minReplicas": 4, "maxReplicas": 3, "cpuUtilization": 70},
        "spec.autoscaling: ",
        "3 of maxReplicas",
        "4",
    ),
    (
        "autoscaling",
        {"minReplicas": 0, "maxReplicas": 3},
        "spec.autoscaling.minReplicas: ",
        "greater than or equal to 1",
        "0",
    ),
    ("autoscaling", {"cpuUtilization": 70}, "spec.autoscaling.maxReplicas: ", "required", "70"),
    ("autoscaling.cpuUtilization", 0, "spec.autoscaling.", "greater than or equal to 1", "0"),
    ("runtime.port", 70000, "spec.runtime.port: ", "less than or equal to 65535", "70000"),
    ("runtime.grpcPort", 0, "spec.runtime.grpcPort: ", "greater than or equal to 1", "0"),
    ("runtime.grpcPort", 8000, "spec.runtime: ", "grpcPort is 8000 as port is", "8000"),
    (
        "runtime",
        {"name": "triton", "grpcPort": 9},
        "spec.runtime: ",
        "grpcPort is 9, but only an image of your own",
        "9",
    ),
    ("runtime", {"image": "a:1"}, "spec.runtime: ", "port: Field required beside image 'a:1'", "a:1"),
    (
        "runtime",
        {"image": "a:1", "grpcPort": 9, "metrics": {"grpc": {}}},
        "spec.runtime: ",
        "metrics.port: Field required beside grpcPort alone",
        "grpcPort",
    ),
    (
        "runtime",
        {"image": "a:1", "grpcPort": 9, "metrics": {"port": 9090}},
        "spec.runtime: ",
        "metrics.grpc: Field required beside grpcPort alone",
        "grpcPort",
    ),
    ("runtime.tls", {}, "spec.runtime.tls.hostname: ", "required", "{}"),
    ("runtime.tls", {"hostname": "a..b"}, "spec.runtime.tls.hostname: ", "match pattern", "a..b"),
    (
        "runtime.tls",
        {"hostname": "a", "ca": {"name": "b", "kind": "Pod"}},
        "spec.runtime.tls.ca.kind: ",
        "'ConfigMap' or 'Secret'",
        "Pod",
    ),
    (
        "runtime",
        {"name": "triton", "tls": {"hostname": "a"}},
        "spec.runtime: ",
        "tls: only an image of your own with port answers HTTPS",
        "triton",
    ),
    (
        "runtime",
        {"image": "a:1", "grpcPort": 9, "tls": {"hostname": "a"}},
        "spec.runtime: ",
        "tls: only an image of your own with port answers HTTPS",
        "None",
    ),
    (
        "runtime",
        {"image": "a:1", "port": 8, "tls": {"hostname": "a"}, "predictionLog": {}},
        "spec.runtime: ",
        "tls: predictionLog reads what passes",
        "predictionLog",
    ),
    (
        "runtime",
        {"image": "a:1", "port": 8, "tls": {"hostname": "a"}, "metrics": {}},
        "spec.runtime: ",
        "metrics.port is None beside tls",
        "8",
    ),
    ("route", {"gateway": "public", "protocols": []}, "spec.route.protocols: ", "at least 1 item", "[]"),
    ("route", {"gateway": "public", "protocols": ["TCP"]}, "spec.route.protocols[0]: ", "'HTTP' or 'GRPC'", "TCP"),
    ("runtime.image", "", "spec.runtime.image: ", "at least 1 character", "''"),
    ("runtime.imagee", "x", "spec.runtime.imagee: ", "not permitted", "x"),
    ("analysis.guard", True, "spec: ", "analysis.guard is true but runtime.metrics is not set", "guard"),
    ("analysis.guard", "yes please", "spec.analysis.guard: ", "valid boolean", "yes please"),
    ("runtime.metrics", {"errors": "5(.."}, "spec.runtime.metrics.errors: ", "not a regular expression", "5(.."),
    ("runtime.metrics", {"requests": "a b"}, "spec.runtime.metrics.requests: ", "match pattern", "a b"),
    (
        "runtime.podTemplate",
        {"metadata": "x"},
        "spec.runtime.podTemplate: ",
        "metadata is 'x' but must be an object",
        "x",
    ),
    ("runtime.podTemplate", {"spec": []}, "spec.runtime.podTemplate: ", "spec is '[]' but must be an object", "[]"),
    ("runtime.podTemplate", {"metadata": {"labels": 5}}, "spec.runtime.podTemplate: ", "metadata.labels is '5'", "5"),
    ("runtime.configMaps", [{"name": "UPPER"}], "spec.runtime.configMaps[0].name: ", "match pattern", "UPPER"),
    ("route", {"gateway": "a/b/c"}, "spec.route.gateway: ", "match pattern", "a/b/c"),
    ("route", {"gateway": "a", "hostnames": ["x_y"]}, "spec.route.hostnames[0]: ", "match pattern", "x_y"),
    ("rollout.drain", "30", "spec.rollout.drain: ", "write it like 30s", "30"),
    ("rollout.steps", [], "spec.rollout.steps: ", "at least 1 item", "[]"),
    ("rollout.steps", [{"weight": 0}], "spec.rollout.steps[0].weight: ", "greater than or equal to 1", "0"),
    ("rollout.steps", [STEP, STEP], "spec.rollout: ", "steps[1].weight is 10 but must be above the 10", "steps"),
    ("rollout.steps", [{"weight": 96}], "spec.rollout: ", "steps[0].weight is 96 but may be 95 at most", "steps"),
    ("rollout.watchWeight", 51, "spec.rollout.watchWeight: ", "less than or equal to 50", "51"),
    ("analysis.alpha", 0, "spec.analysis.alpha: ", "greater than 0", "0"),
    ("analysis.beta", 0, "spec.analysis.beta: ", "greater than 0", "0"),
    ("analysis.beta", 0.5, "spec.analysis.beta: ", "less than 0.5", "0.5"),
    (
        "analysis.errorRate",
        {"delta": 0.01},
        "spec.analysis.errorRate: ",
        "margin is 0.01 but must be above the 0.01 of delta",
        "delta",
    ),
    ("analysis.errorRate", {"margin": 1}, "spec.analysis.errorRate.margin: ", "less than 1", "1"),
    (
        "analysis.latency",
        {"margin": 0.005},
        "spec.analysis.latency: ",
        "margin is 0.005 but must be above the 0.01 of delta",
        "margin",
    ),
    ("analysis.latency", {"slowdown": -1}, "spec.analysis.latency.slowdown: ", "greater than or equal to 0", "-1"),
    (
        "analysis.latency.objective",
        {"share": 0.5, "within": "1s"},
        "spec.analysis.latency.objective.share: ",
        "greater than 0.5",
        "0.5",
    ),
    (
        "analysis.latency.objective",
        {"share": 1, "within": "1s"},
        "spec.analysis.latency.objective.share: ",
        "less than 1",
        "1",
    ),
    (
        "analysis.latency.objective",
        {"share": 0.9, "within": "0s"},
        "spec.analysis.latency.objective.within: ",
        "greater than or equal to 0.001",
        "0s",
    ),
    ("analysis.latency.objective", {"share": 0.9}, "spec.analysis.latency.objective.within: ", "required", "0.9"),
    (
        "analysis.means",
        mean(unit="user"),
        "spec.analysis.means[0]: ",
        "set sumsq or unit, not both",
        "revenue",
    ),
    (
        "analysis.means",
        mean(sumsq=None),
        "spec.analysis.means[0]: ",
        "set sumsq or unit: without either",
        "revenue",
    ),
    ("analysis.means", mean(sum="orders"), "spec.analysis.means[0]: ", "must be different counters", "orders"),
    ("analysis.means", mean(effect=0), "spec.analysis.means[0].effect: ", "greater than 0", "0"),
    ("analysis.means", mean(effect=float("inf")), "spec.analysis.means[0].effect: ", "finite", "inf"),
    ("analysis.means", mean(margin=-1), "spec.analysis.means[0].margin: ", "greater than or equal to 0", "-1"),
    (
        "analysis.means",
        mean(margin=0, gating=True),
        "spec.analysis.means[0]: ",
        "margin is 0 but must be above 0 with gating",
        "revenue",
    ),
    ("analysis.means", mean(better="Up"), "spec.analysis.means[0].better: ", "'Higher' or 'Lower'", "Up"),
    ("analysis.means", mean(count="a b"), "spec.analysis.means[0].count: ", "match pattern", "a b"),
    (
        "analysis.means",
        mean(name="latency"),
        "spec.analysis: ",
        "means[0].name 'latency' is the name of a built-in test",
        "latency",
    ),
    ("analysis.means", mean() * 2, "spec.analysis: ", "means[1].name 'revenue' is used twice", "revenue"),
    ("analysis.means", [*mean(name="a"), *mean(name="b")] * 3, "spec.analysis.means: ", "at most 5 items", "a"),
    (
        "analysis.metrics",
        metric(name="error-rate"),
        "spec.analysis: ",
        "metrics[0].name 'error-rate' is the name of a built-in test",
        "error-rate",
    ),
    (
        "analysis",
        {"means": mean(), "metrics": metric(name="revenue")},
        "spec.analysis: ",
        "metrics[0].name 'revenue' is used twice",
        "revenue",
    ),
    (
        "analysis.metrics",
        metric(query='x{a="$revision"}'),
        "spec.analysis.metrics[0]: ",
        "which needs compare: use $canary",
        "revision",
    ),
    (
        "analysis.metrics",
        metric(compare="Ratio"),
        "spec.analysis.metrics[0]: ",
        "must contain $revision with compare Ratio",
        "Ratio",
    ),
    (
        "analysis.metrics",
        metric(query='x{pod=~"$pod.+"}'),
        "spec.analysis.metrics[0].query: ",
        "$pod is not a variable: use $namespace, $name",
        "$pod",
    ),
    (
        "analysis.metrics",
        metric(query="rate(x[$__rate_interval])"),
        "spec.analysis.metrics[0].query: ",
        "$__rate_interval is not",
        "x[",
    ),
    (
        "analysis.metrics",
        metric(query='x{a="${name}"}'),
        "spec.analysis.metrics[0].query: ",
        "${name is not a variable",
        "name",
    ),
    (
        "analysis.metrics",
        metric(query="sum(rate(x[1m])"),
        "spec.analysis.metrics[0].query: ",
        "a ( is not closed",
        "sum",
    ),
    ("analysis.metrics", metric(query="sum(x))"), "spec.analysis.metrics[0].query: ", "a ) closes nothing", "sum"),
    (
        "analysis.metrics",
        metric(query="x{a='b}"),
        "spec.analysis.metrics[0].query: ",
        "a string that begins with ' is not closed",
        "x{a",
    ),
    ("analysis.metrics", metric(query=" # x"), "spec.analysis.metrics[0].query: ", "the query asks nothing", "# x"),
    (
        "analysis.metrics",
        metric(min=2),
        "spec.analysis.metrics[0]: ",
        "min is 2 but must not be above the 1 of max",
        "p99",
    ),
    ("analysis.metrics", metric(max="nan"), "spec.analysis.metrics[0].max: ", "finite", "nan"),
    ("analysis.maxDuration", "0s", "spec.analysis.maxDuration: ", "greater than or equal to 1", "0s"),
    (
        "analysis.maxDuration",
        "5m",
        "spec: ",
        "analysis.maxDuration is 5m but must be above 5m, the sum of rollout.steps[].minDuration",
        "5m",
    ),
    ("runtime.metrics", {"latency": "a-b"}, "spec.runtime.metrics.latency: ", "match pattern", "a-b"),
    ("analysis.onBlind", "Panic", "spec.analysis.onBlind: ", "'Hold', 'Promote' or 'Rollback'", "Panic"),
    ("analysis.metrics", [{"name": "p99", "query": "x"}], "spec.analysis.metrics[0]: ", "set min, max or both", "p99"),
    ("analysis.prometheus", {"address": "ftp://x"}, "spec.analysis.prometheus.address: ", "match pattern", "ftp://x"),
    ("analysis.prometheus", {"address": "http://u:p@x"}, "spec.analysis.prometheus.address: ", "match pattern", "@x"),
]


@pytest.mark.parametrize(("path", "value", "field", "remedy", "shown"), BAD, ids=[f"{bad[0]}={bad[1]}" for bad in BAD])
def test_a_refusal_names_field_value_and_remedy(path: str, value: Any, field: str, remedy: str, shown: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_spec(with_(path, value))
    problem = refused.value.problem
    assert problem.reason == "InvalidSpec"
    assert problem.message.startswith(field)
    assert remedy in problem.message
    assert shown in problem.message


def test_two_sizes_are_refused() -> None:
    raw = with_("autoscaling", {"maxReplicas": 9, "cpuUtilization": 70})
    assert parse_spec({**raw, "replicas": 1}).autoscaling, "1 is what the API server fills in"
    with pytest.raises(Refused, match="replicas is 3, which decides nothing beside autoscaling"):
        parse_spec({**raw, "replicas": 3})


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match=r"metrics\[1\]\.name 'p99' is used twice: give every metric its own name"):
        parse_spec(with_("analysis.metrics", metric() * 2))


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(x{pod=~"$name-$canary-.+"}[1m])) / sum(rate(x{pod=~"$name-$stable-.+"}[1m]))',
        'x{code=~"^(5..|4..)$", ns="$namespace"}',
        "x{a=~'b$', c=~`d(e$|f)`}",
        'x{a="}) is \\" text"} # a comment ([',
        '{"x.y", a="b"}[5m:1m] offset 5m',
    ],
)
def test_a_query_with_known_variables_and_ends_of_expressions_is_taken(query: str) -> None:
    (found,) = parse_spec(with_("analysis.metrics", metric(query=query))).analysis.metrics
    assert found.query == query


@pytest.mark.parametrize("compare", [*Compare])
def test_a_comparison_may_name_each_revision_too(compare: Compare) -> None:
    query = 'x{r="$revision"} / scalar(x{r="$stable"})'
    (found,) = parse_spec(with_("analysis.metrics", metric(query=query, compare=compare))).analysis.metrics
    assert found.compare is compare


@pytest.mark.parametrize("raw", [MEAN, BY_USER, {**MEAN, "gating": True}, {**BY_USER, "margin": 0}])
def test_a_mean_has_squares_or_users(raw: dict[str, Any]) -> None:
    (found,) = parse_spec(with_("analysis.means", [raw])).analysis.means
    assert (found.sumsq is None) == ("unit" in raw)


def test_latency_is_judged_when_it_is_there() -> None:
    assert parse_spec(MINIMAL).analysis.latency is None
    latency = parse_spec(with_("analysis.latency", {})).analysis.latency
    assert latency is not None
    assert (latency.source, latency.delta, latency.slowdown, latency.margin) == ("Auto", 0.01, 0.1, 0.05)
    assert (latency.objective, latency.gating) == (None, True)


def test_a_maximum_above_the_steps_is_taken() -> None:
    assert parse_spec(with_("analysis.maxDuration", "5m1s")).analysis.max_duration == 301
    short = {"rollout": {"steps": [{"weight": 5, "minDuration": "0s"}]}, "analysis": {"maxDuration": "1s"}}
    assert parse_spec({**MINIMAL, **short}).analysis.max_duration == 1


def test_a_spec_without_a_runtime_says_so() -> None:
    with pytest.raises(Refused, match=r"^spec: nothing says what serves: set model\.format"):
        parse_spec({})


def test_several_mistakes_are_told_at_once() -> None:
    raw = {**with_("replicas", 0), "rollout": {"drain": "soon"}}
    with pytest.raises(Refused) as refused:
        parse_spec(raw)
    assert refused.value.problem.message.count("spec.") == 2
    assert "spec.replicas: " in refused.value.problem.message
    assert "spec.rollout.drain: " in refused.value.problem.message


@pytest.mark.parametrize("raw", [None, [], "x", 5])
def test_something_else_in_the_place_of_a_spec_is_refused(raw: Any) -> None:
    with pytest.raises(Refused, match=r"^spec: "):
        parse_spec(raw)


# What a small spec means


def test_the_smallest_spec_has_safe_defaults() -> None:
    spec = parse_spec(MINIMAL)
    assert (spec.replicas, spec.route, spec.rollout.watch_weight) == (1, None, 5)
    assert [step.weight for step in spec.rollout.steps] == [5, 25, 50]
    assert (spec.analysis.alpha, spec.analysis.on_blind, spec.analysis.on_inconclusive) == (
        0.01,
        OnHold.HOLD,
        OnHold.HOLD,
    )


def test_a_spec_survives_the_wire() -> None:
    raw = {**MINIMAL, "route": {"gateway": "infra/public", "timeout": "1m30s"}, "rollout": {"steps": [{"weight": 7}]}}
    objective = {"share": 0.99, "within": "200ms"}
    raw["analysis"] = {"latency": {"objective": objective}, "means": [MEAN], "maxDuration": "2h"}
    spec = parse_spec(raw)
    wire = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert wire["route"]["timeout"] == "1m30s"
    assert (wire["analysis"]["latency"]["objective"], wire["analysis"]["maxDuration"]) == (objective, "2h")
    assert parse_spec(wire) == spec


def test_a_spec_is_frozen() -> None:
    spec = ModelDeploymentSpec.model_validate(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        spec.replicas = 5


@pytest.mark.parametrize(("edit", "final"), [({}, 95), ({"watchWeight": 0}, 100), ({"watchAfterPromotion": "0s"}, 100)])
def test_the_weight_of_a_promotion(edit: dict[str, Any], final: int) -> None:
    assert parse_spec({**MINIMAL, "rollout": edit}).rollout.final_weight == final
