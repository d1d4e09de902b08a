"""Histograms that cannot answer what a spec asks: the field and what there is are told, nothing is picked silently."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest

from serinus.api.analysis import LATENCY, LATENCY_OBJECTIVE, Analysis
from serinus.api.status import MetricStatus, Phase, RolloutState
from serinus.api.v1alpha1 import Source
from serinus.metrics import envoy
from serinus.metrics.index import Index
from serinus.metrics.series import Series
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.feeds import feeds
from serinus.reconcile.judge import Judge
from serinus.reconcile.source import Subject

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
NOW = 1_000_060.0
SUBJECT = Subject("models", "shop", OLD, NEW, 0, Source.GATEWAY, live_pods=frozenset())


@dataclass
class Proxy:
    """A Prometheus that scraped one proxy, whose histogram of both sides ends at these milliseconds."""

    ends: tuple[str, ...]
    news, due = 1, 0.0

    async def ask(self, _: str, __: float | None = None, **___: bool) -> Answer:
        series = (self.series("up", 1.0, 1.0), *(part for place in (0, 1) for part in self.side(place)))
        return Answer(NOW, series, index=Index(series))

    def side(self, place: int) -> list[Series]:
        cluster = {"envoy_cluster_name": f"httproute/models/shop/rule/0/backend/{place}"}
        answers = self.series("envoy_cluster_upstream_rq_xx", 10, 500, envoy_response_code_class="2", **cluster)
        return [answers, *(self.series(envoy.LATENCY, 10, 500, le=end, **cluster) for end in self.ends)]

    def series(self, name: str, before: float, now: float, **labels: str) -> Series:
        return Series(
            {"__name__": name, "job": "envoy", "instance": "p", **labels}, ((NOW - 15, before), (NOW - 5, now))
        )


def said(ends: tuple[str, ...], latency: dict[str, Any], name: str) -> MetricStatus:
    analysis = Analysis.model_validate({"latency": latency})
    change = {"time": NOW - 60.0, "weight": 10}
    state = RolloutState.model_validate({"phase": Phase.STEPPING, "weights": [change]})
    queries = cast("SharedQueries", Proxy(ends))
    judge = Judge(NEW, NOW - 60.0, {})
    looking = judge.look(queries, queries, feeds(analysis, SUBJECT, SUBJECT), analysis, state, NOW)
    return next(metric for metric in asyncio.run(looking).metrics if metric.name == name)


@pytest.mark.parametrize(
    ("ends", "latency", "name", "expected", "words"),
    [
        (("+Inf",), {}, LATENCY, ("Inconclusive", "NoCounters"), "spec.analysis.latency: no histogram"),
        (
            ("1.0", "5.0", "+Inf"),
            {},
            LATENCY,
            ("Blind", "NoUsableBounds"),
            "at 0.01 s (latency.ignoreBelow) or above",
        ),
        (("1.0", "5.0", "+Inf"), {}, LATENCY, ("Blind", "NoUsableBounds"), "they end at 0.001, 0.005 s"),
        (
            ("100.0", "500.0", "+Inf"),
            {"objective": {"share": 0.99, "within": "200ms"}},
            LATENCY_OBJECTIVE,
            ("Blind", "NoUsableBounds"),
            "no bucket ends at 0.2 s, which spec.analysis.latency.objective needs: they end at 0.1, 0.5 s",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    ends: tuple[str, ...], latency: dict[str, Any], name: str, expected: tuple[str, str], words: str
) -> None:
    found = said(ends, latency, name)
    assert (found.outcome, found.reason) == expected
    assert words in found.message
