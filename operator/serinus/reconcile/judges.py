"""Finds the judge of a rollout, or the reason why there can be none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from serinus.api.analysis import ERROR_RATE, LATENCY
from serinus.api.promql import VARIABLES
from serinus.api.protocol import Protocol, usual
from serinus.api.status import RolloutState, Status
from serinus.api.v1alpha1 import ModelDeploymentSpec, RuntimeMetrics, Source
from serinus.metrics import pods, query
from serinus.prometheus.access import Access
from serinus.prometheus.answers import Unavailable
from serinus.prometheus.client import Prometheus
from serinus.prometheus.direct import DirectCounters, PodReader
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.children import Children, ready_pods
from serinus.reconcile.feeds import feeds
from serinus.reconcile.guard import Guard, guard
from serinus.reconcile.judge import Judge, Opinion, numbers_every
from serinus.reconcile.queue import Key
from serinus.reconcile.seen import routed
from serinus.reconcile.source import DEFAULT_INTERVAL, NoSource, Subject, choose
from serinus.reconcile.windows import error_window, uncoded
from serinus.rollout.report import Problem
from serinus.rollout.safety import UNDER_TEST
from serinus.settings import Settings

FRESHNESS = 0.25
"""Seconds that one answer of Prometheus serves everybody."""


@dataclass(slots=True)
class RolloutJudges:
    """The judges of all rollouts, and the servers that they ask."""

    settings: Settings
    session: aiohttp.ClientSession
    clock: Callable[[], float]
    _servers: dict[tuple[str, str], SharedQueries] = field(default_factory=dict)
    """By address, and namespace where only its own series are shown."""
    _judges: dict[Key, Judge] = field(default_factory=dict)
    _read: dict[Key, DirectCounters] = field(default_factory=dict)
    """What the pods of guarded rollouts have told."""
    _parsed: dict[str, str | None] = field(default_factory=dict)
    """What is wrong with each query that was looked at, None for nothing."""
    _pods: PodReader = field(init=False)

    def __post_init__(self) -> None:
        """Let pods be read through the same session."""
        self._pods = PodReader(self.session)

    async def opinion(  # noqa: PLR0913, PLR0917 - what a verdict rests on
        self,
        key: Key,
        spec: ModelDeploymentSpec,
        state: RolloutState,
        children: Children,
        before: Status,
        now: float,
    ) -> Opinion:
        """Return what is known of the candidate now."""
        if state.phase not in UNDER_TEST:
            self.forget(key)
        try:
            queries = self._queries(spec)
            subjects = _subjects(key, spec, state, children, before)
        except NoSource as error:
            return Opinion(problem=str(error))
        if state.phase not in UNDER_TEST:
            return Opinion()
        if not state.weights:
            return Opinion(problem=await _preflight(subjects[0], queries))
        judge = self._judge(key, state, before)
        sources = feeds(spec.analysis, *subjects, self._guard(key, spec, subjects[0], children))
        custom, patience = self.custom(key.namespace, queries), numbers_every(len(self._judges))
        return await judge.look(queries, custom, sources, spec.analysis, state, now, patience)

    async def refusal(self, spec: ModelDeploymentSpec) -> Problem | None:
        """Return which query of a spec does not parse, in the words of the Prometheus that shall answer it."""
        if not spec.analysis.metrics:
            return None
        try:
            queries = self._queries(spec)
            for index, metric in enumerate(spec.analysis.metrics):
                if metric.query not in self._parsed:
                    self._parsed[metric.query] = await queries.check(_sample(metric.query))
                if wrong := self._parsed[metric.query]:
                    return Problem("InvalidSpec", f"spec.analysis.metrics[{index}].query: {wrong}")
        except (NoSource, Unavailable):
            return None  # it is asked again at the next look; until then the query itself tells
        return None

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a rollout, and with the last one of a namespace what its proxy has answered."""
        self._judges.pop(key, None)
        self._read.pop(key, None)
        own = self.settings.custom_query_proxy, key.namespace
        if own in self._servers and all(other.namespace != key.namespace for other in self._judges):
            del self._servers[own]

    def _guard(self, key: Key, spec: ModelDeploymentSpec, subject: Subject, children: Children) -> Guard | None:
        if not spec.analysis.guard:
            return None
        if key not in self._read:
            self._read[key] = DirectCounters(self._pods, self.clock)
        return guard(self._read[key], subject, children)

    def _judge(self, key: Key, state: RolloutState, before: Status) -> Judge:
        anchor, known = state.weights[0].time, self._judges.get(key)
        if known is None or known.anchor != anchor or known.candidate != state.candidate:
            record = before.judge if before.judge and before.judge.get("anchor") == anchor else {}
            known = Judge(state.candidate, anchor, record)
            self._judges[key] = known
        return known

    def _queries(self, spec: ModelDeploymentSpec) -> SharedQueries:
        own, named = self.settings.prometheus_address, spec.analysis.prometheus
        address = named.address if named else own
        if named and address != own and address not in self.settings.prometheus_allowed:
            raise NoSource(f"spec.analysis.prometheus.address: {address} is not on the operator's allow-list")
        if not address:
            raise NoSource(
                "The operator has no Prometheus: set prometheus.address in its chart, or spec.analysis.prometheus.address"
            )
        if spec.analysis.metrics and not self.settings.custom_queries:
            raise NoSource("spec.analysis.metrics: custom queries are turned off on this operator")
        return self._server(address)

    def custom(self, namespace: str, queries: SharedQueries) -> SharedQueries:
        """Return who answers the PromQL of specs in a namespace: the proxy where there is one, else who is asked anyway."""
        if not (proxy := self.settings.custom_query_proxy):
            return queries
        return self._server(proxy, namespace)

    def _server(self, address: str, namespace: str = "") -> SharedQueries:
        if (address, namespace) not in self._servers:
            access = _access(self.settings, address, namespace)
            server = Prometheus(self.session, address, self.settings.prometheus_timeout, access)
            self._servers[address, namespace] = SharedQueries(server, self.clock, FRESHNESS)
        return self._servers[address, namespace]


def _access(settings: Settings, address: str, namespace: str) -> Access:
    """Return how a server is asked; a namespace is told to the proxy that shows it its own series alone.

    The operator's own Prometheus and that proxy get its credentials, and nobody else.
    """
    if not namespace and address != settings.prometheus_address:
        return Access()
    told = {settings.custom_query_header: namespace} if namespace else {}
    credentials, tls = (
        Path(one) if one else None for one in (settings.prometheus_credentials, settings.prometheus_tls)
    )
    return Access({**settings.prometheus_headers, **told}, credentials, tls)


def _pinned(name: str, state: RolloutState, before: Status) -> Source | None:
    """Return the source that this rollout is judged by already: it never changes in the middle."""
    if not state.weights:
        return None
    known = (metric.source for metric in before.metrics if metric.name == name)
    return next((Source(source) for source in known if source in set(Source)), None)


def _subjects(
    key: Key, spec: ModelDeploymentSpec, state: RolloutState, children: Children, before: Status
) -> tuple[Subject, Subject]:
    """Return what is judged by its answers, and by its latency: their sources may differ."""
    live = [found for name in (state.control, state.candidate) if (found := children.revisions.get(name))]
    used = routed(spec, state, children) if spec.route else usual(children.served(state.control))
    told = [
        (RuntimeMetrics.model_validate(revision.metrics), revision.protocols)
        for revision in live
        if revision.metrics is not None
    ]
    blind = Protocol.GRPC in used and any(metrics.grpc is None for metrics, _ in told)
    section = "runtime.metrics.grpc" if blind else "runtime.metrics"
    declared = [] if blind or len(told) < len(live) else [pods.of_protocols(*one) for one in told]
    wanted = _pinned(ERROR_RATE, state, before) or spec.analysis.error_rate.source
    errors = Subject(
        namespace=key.namespace,
        name=key.name,
        stable=state.control,
        canary=state.candidate,
        stable_slot=state.control_slot,
        source=choose(wanted, children.controller, declared, section=section),
        metrics=declared[-1] if declared else RuntimeMetrics(),
        stable_metrics=declared[0] if declared else None,
        live_pods=ready_pods(children, {state.control, state.candidate}),
    )
    if spec.analysis.latency is None:
        return errors, errors
    wanted = _pinned(LATENCY, state, before) or spec.analysis.latency.source
    return errors, replace(errors, source=choose(wanted, children.controller, declared, "latency", section))


def _sample(text: str) -> str:
    """Return a query with names for its variables: only so can it be parsed."""
    return query.substitute(text, dict.fromkeys(VARIABLES, "a"))


_NO_CODES = (
    "Prometheus has no gRPC codes (envoy_cluster_grpc_*) of route {route} although it was called: nobody can tell how "
    "its answers ended. Let spec.telemetry.metrics.enableGRPCStats of the EnvoyProxy be true, or its Prometheus keep them"
)


async def _preflight(subject: Subject, queries: SharedQueries) -> str:
    """Say what is missing before anybody is exposed: the counters of stable must be there already."""
    width = 4 * DEFAULT_INTERVAL
    answer = await queries.ask(f"{subject.errors.shared}[{width:.0f}s]")
    if answer.problem:
        return f"Prometheus: {answer.problem}"
    series = answer.of(subject.namespace, subject.name)
    if error_window(subject, series, answer.at - width, answer.at).targets:
        blind = subject.source is Source.GATEWAY and any(uncoded(series))
        return _NO_CODES.format(route=f"{subject.namespace}/{subject.name}") if blind else ""
    if subject.source is Source.GATEWAY:
        return f"Prometheus has no Envoy counters of route {subject.namespace}/{subject.name}: nobody has called it yet, or Prometheus does not scrape the proxies (port 19001, path /stats/prometheus)"
    return f"Prometheus scrapes no pod of revision {subject.stable}: let it scrape pods with the annotation prometheus.io/scrape, with labels namespace and pod"
