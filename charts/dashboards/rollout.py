"""One model: its split, what the judge sees, and its revisions' pods."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.builders.common import ScaleDistributionConfig
from grafana_foundation_sdk.models.common import ScaleDistribution

from charts.dashboards.parts import DATA, Part, dashboards, filled, graph, number, query, variable
from serinus.metrics.pods import DEFAULT_LATENCY, DEFAULT_REQUESTS
from serinus.runtimes.catalogue import Entry
from serinus.runtimes.loading import Images, load

MODEL = 'namespace="$namespace",name="$name"'
METRIC = f'{MODEL},metric=~"$metric"'
PODS = 'namespace="$namespace",pod=~"$name-[0-9a-f]{10}-.+"'
PROXIED = 'envoy_cluster_name=~"[a-z]+route/$namespace/$name/rule/.+"'
"""The gateway's counters of an HTTPRoute or a GRPCRoute: one cluster for each slot."""
STEP = "10s"
"""Between two looks for decisions: each is seen at one of them."""
NEWEST = "max by (metric, side)"
_SHARES = ((0.5, "half"), (0.99, "99 %"))
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def counters() -> list[str]:
    """Return the names that the runtimes of the catalogue count requests by."""
    found = [one.metrics.requests or DEFAULT_REQUESTS for one in _catalogue() if one.metrics]
    return sorted({DEFAULT_REQUESTS, *found})


def histograms() -> list[tuple[str, float]]:
    """Return the names of the histograms of latency that they have, with the seconds in a unit of each."""
    found = {
        (one.metrics.latency or DEFAULT_LATENCY, _SECONDS[one.metrics.latency_unit or "s"])
        for one in _catalogue()
        if one.metrics and one.metrics.latency != ""
    }
    return sorted({(DEFAULT_LATENCY, 1.0), *found})


def _catalogue() -> list[Entry]:
    return list(load("", Images("none", "none", "none", "none")).runtimes.values())


def by_revision(expression: str, *more: str) -> str:
    """Return the sum of an expression over the pods of each revision."""
    told = f'label_replace({expression}, "revision", "$1", "pod", "$name-([0-9a-f]{{10}})-.+")'
    return f"sum by ({', '.join(['revision', *more])}) ({told})"


def rollout() -> dashboard.Dashboard:
    """Return the dashboard of one model."""
    board = dashboards("Serinus: one model", "serinus-model", "A ModelDeployment, its rollout and its revisions.")
    for one in (
        variable("namespace", "label_values(serinus_rollout_weight, namespace)"),
        variable("name", 'label_values(serinus_rollout_weight{namespace="$namespace"}, name)'),
        variable("metric", f"label_values(serinus_analysis_outcome{{{MODEL}}}, metric)", several=True),
    ):
        board = board.with_variable(one)
    board = board.annotation(
        dashboard.AnnotationQuery()
        .name("Decisions")
        .datasource(DATA)
        .enable(True)
        .icon_color("orange")
        .expr(decisions())
    )
    parts = (
        *_state(),
        dashboard.Row("Traffic"), *_traffic(),
        dashboard.Row("What the judge sees"), *_judge(),
        dashboard.Row("Pods of each revision"), *_pods(),
    )  # fmt: skip
    return filled(board, parts)


def decisions() -> str:
    """Return the transitions that happened in a step of the graph: one that is the first of its reason begins at 1."""
    counter = f"serinus_transitions_total{{{MODEL}}}"
    now, before = f"sum by (reason) ({counter})", f"sum by (reason) ({counter} offset {STEP})"
    return f"({now} - {before} > 0) or ({now} unless {before})"


def _state() -> list[Part]:
    return [
        number("Phase", "Where the rollout stands.", f"max by (phase) (serinus_rollout_phase{{{MODEL}}})", legend="{{phase}}"),
        number("Canary weight", "Percent of traffic for the newer revision.", f"max(serinus_rollout_weight{{{MODEL}}})", "percent"),
        number(
            "Revisions", "The live ones.", f"max by (side, revision) (serinus_rollout_revision{{{MODEL}}})",
            legend="{{side}} {{revision}}", width=8,
        ),
        number(
            "Not as it should be", "Conditions that ask for attention, with their reason.",
            f"max by (type, reason) (serinus_rollout_condition{{{MODEL}}})", legend="{{type}}: {{reason}}", width=8,
        ),
    ]  # fmt: skip


def _traffic() -> list[Part]:
    names = "|".join(counters())
    pods = by_revision(f'rate({{__name__=~"{names}",{PODS}}}[$__rate_interval])')
    proxied = f"rate(envoy_cluster_upstream_rq_xx{{{PROXIED}}}[$__rate_interval])"
    failed = f'rate(envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{PROXIED}}}[$__rate_interval])'
    buckets = f"rate(envoy_cluster_upstream_rq_time_bucket{{{PROXIED}}}[$__rate_interval])"
    return [
        graph("Split", "Percent of traffic for the canary.", "percent", query(f"max(serinus_rollout_weight{{{MODEL}}})", "canary")).max(100),
        graph(
            "Requests per second at the gateway", "By the slot of the route, which a revision keeps for life.", "reqps",
            query(f"sum by (envoy_cluster_name) ({proxied})", "{{envoy_cluster_name}}"),
        ),
        graph("Requests per second at the pods", "By revision, where its runtime counts.", "reqps", query(pods, "{{revision}}")),
        graph(
            "Errors at the gateway", "Share of answers of class 5.", "percentunit",
            query(f"sum by (envoy_cluster_name) ({failed}) / sum by (envoy_cluster_name) ({proxied})", "{{envoy_cluster_name}}"),
        ),
        graph(
            "Latency at the gateway", "By the slot of the route.", "ms",
            *(
                query(f"histogram_quantile({share}, sum by (envoy_cluster_name, le) ({buckets}))", f"{told} {{{{envoy_cluster_name}}}}")
                for share, told in _SHARES
            ),
        ),
        graph(
            "Latency at the pods", "By revision, where its runtime has a histogram.", "s",
            *(query(_latency(share), f"{told} {{{{revision}}}}") for share, told in _SHARES),
        ),
    ]  # fmt: skip


def _latency(share: float) -> str:
    """Return a quantile by revision in seconds, from whichever histogram its pods have."""
    parts = []
    for name, seconds in histograms():
        buckets = by_revision(f'rate({{__name__="{name}_bucket",{PODS}}}[$__rate_interval])', "le")
        scale = "" if seconds == 1.0 else f" * {seconds:g}"
        parts.append(f"histogram_quantile({share}, {buckets}){scale}")
    return " or ".join(parts)


def _judge() -> list[Part]:
    def own(name: str, side: str = "") -> str:
        narrowed = f'{METRIC},side="{side}"' if side else METRIC
        return f"serinus_analysis_{name}{{{narrowed}}}"

    def end(side: str, which: str) -> str:
        return f'max by (metric) (serinus_analysis_interval{{{METRIC},side="{side}",end="{which}"}})'

    rates = [query(f"max by (metric) ({own('rate', side)})", f"{side} {{{{metric}}}}") for side in ("canary", "stable")]
    ends = [
        query(end(side, which), f"{side} {which} {{{{metric}}}}")
        for side in ("canary", "stable")
        for which in ("low", "high")
    ]
    limits = [
        graph(title, told, "none", *(query(f"max by (metric) ({own(name)})", f"{name} {{{{metric}}}}") for name in names))
        .scale_distribution(ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
        for title, told, names in (
            ("Evidence against the canary", "It is taken back where its evidence reaches the threshold.", ("evidence", "threshold")),
            ("Proof for the canary", "It may be promoted where each metric's proof has reached its threshold.", ("proof", "proof_threshold")),
        )
    ]  # fmt: skip
    return [
        graph("Rates", "Share of bad requests, or the mean, since the rollout began, with its always-valid interval.", "none", *rates, *ends),
        *limits,
        graph("Requests that were judged", "Since the rollout began.", "none", query(f"{NEWEST} ({own('requests')})", "{{side}} {{metric}}")),
        graph("Bad requests", "Since the rollout began.", "none", query(f"{NEWEST} ({own('errors')})", "{{side}} {{metric}}")),
        graph("Clumping of errors", "Variance of errors relative to independent requests; 1 is independent.", "none", query(f"max by (metric) ({own('dispersion')})", "{{metric}}"), width=6),
        graph("Custom queries", "Their newest values.", "none", query(f"max by (metric) ({own('value')})", "{{metric}}"), width=6),
        graph("Outcomes", "What each metric says.", "none", query(f"max by (metric, outcome) (serinus_analysis_outcome{{{METRIC}}}) == 1", "{{metric}}: {{outcome}}")),
    ]  # fmt: skip


def _pods() -> list[Part]:
    container = f'container!="",{PODS}'
    cpu = by_revision(f"rate(container_cpu_usage_seconds_total{{{container}}}[$__rate_interval])")
    memory = by_revision(f"container_memory_working_set_bytes{{{container}}}")
    restarts = by_revision(f"kube_pod_container_status_restarts_total{{{PODS}}}")
    ready = by_revision(f'kube_pod_status_ready{{condition="true",{PODS}}}')
    return [
        graph("Ready pods", "From kube-state-metrics.", "none", query(ready, "{{revision}}"), width=6),
        graph("CPU", "Cores, from the kubelet's cAdvisor.", "none", query(cpu, "{{revision}}"), width=6),
        graph("Memory", "Working set, from the kubelet's cAdvisor.", "bytes", query(memory, "{{revision}}"), width=6),
        graph("Restarts", "Of containers, from kube-state-metrics.", "none", query(restarts, "{{revision}}"), width=6),
    ]
