"""What was seen of each metric, in cells."""

from __future__ import annotations

import math
from typing import Any

Metric = dict[str, Any]
GAUGE = 8
"""Characters of a gauge."""
_SHARES = ("error-rate", "latency", "latency-objective", "guard")
"""The tests whose rates are shares of requests."""


def title(metric: Metric) -> str:
    """Return what a metric is: its name, and the latency that its counts are about."""
    bound = metric.get("bound")
    return f"{metric['name']} > {_seconds(bound)}" if bound else str(metric["name"])


def side(metric: Metric, who: str) -> str:
    """Return rate, interval and requests of `stable` or `canary`."""
    rate, low, high = (metric.get(f"{who}{part}") for part in ("Rate", "Low", "High"))
    requests = metric.get(f"{who}Requests")
    if rate is None:
        value = metric.get("value") if who == "canary" else None
        told = "" if value is None else _number(value)
    elif metric["name"] in _SHARES or metric.get(f"{who}Errors") is not None:
        told = f"{_percent(rate)} %"
        told += f" ({_percent(low)}..{_percent(high)})" if low is not None and high is not None else ""
    else:
        told = _number(rate)
        told += f" ({_number(low)}..{_number(high)})" if low is not None and high is not None else ""
    return f"{told} of {requests:,}".strip() if requests is not None else told


def gauge(value: float | None, limit: float | None) -> str:
    """Return how far an e-value is on its way to its limit: evidence multiplies, so the way is its logarithm."""
    if value is None or not limit or limit <= 1:
        return ""
    way = min(1.0, math.log(max(value, 1.0)) / math.log(limit))
    full = math.floor(way * GAUGE)
    return f"{'█' * full}{'░' * (GAUGE - full)} {_number(value)}/{_number(limit)}"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share * 100:.3g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _seconds(bound: float) -> str:
    return f"{bound * 1000:g} ms" if bound < 1 else f"{bound:g} s"
