"""A replay as JSON: a line per tick, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson

from serinus.analysis import Assessment, Outcome, Side
from serinus.cli.replay import Result, Tick

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3, Outcome.BLIND: 3}
_DIGITS = 6


def line(fields: Mapping[str, Any]) -> str:
    """Return one line of JSON."""
    return orjson.dumps(fields).decode()


def tick_fields(tick: Tick, anchor: float) -> dict[str, Any]:
    """Return what a tick says, `seconds` being those since the canary's first weight."""
    return {
        "time": tick.time,
        "seconds": _round(tick.time - anchor),
        "weight": _round(100 * tick.share),
        **_verdict(tick),
        "evidence": _round(tick.evidence),
        "threshold": _round(tick.threshold),
        "metrics": {name: _test(found) for name, found in tick.tests.items()},
    }


def summary_fields(
    result: Result, anchor: float, first_canary: float | None, left_out: Mapping[str, str]
) -> dict[str, Any]:
    """Return the last line: what would have come of the rollout, and when."""
    tick = result.tick
    return {
        "summary": _SUMMARY[tick.verdict.outcome],
        **_verdict(tick),
        "message": tick.verdict.message,
        "time": tick.time,
        "seconds": _round(tick.time - anchor),
        "secondsAfterFirstCanarySample": None if first_canary is None else _round(tick.time - first_canary),
        "passedAt": result.passed.time if result.passed else None,
        "ticks": result.ticks,
        "leftOut": dict(left_out),
    }


_SUMMARY = {
    Outcome.PASS: "promoted",
    Outcome.FAIL: "rolled back",
    Outcome.INCONCLUSIVE: "held: not enough evidence either way",
    Outcome.BLIND: "held: the judge cannot see",
}


def _verdict(tick: Tick) -> dict[str, Any]:
    return {"outcome": tick.verdict.outcome, "reason": tick.verdict.reason, "metric": tick.verdict.metric}


def _test(found: Assessment) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "reason": found.reason,
        "message": found.message,
        "evidence": _round(found.evidence),
        "threshold": _round(found.threshold),
        "proof": _round(found.proof),
        "proofThreshold": _round(found.proof_threshold),
        "canary": _side(found.canary),
        "stable": _side(found.stable),
        "dispersion": _round(found.dispersion),
        "dispersionSource": found.dispersion_source,
        "requestsNeeded": found.requests_needed,
        "bound": found.bound,
        "newest": found.newest,
        "failedAt": found.failed_at,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "requests": _round(side.requests),
        "errors": _round(side.bad),
        "rate": _round(side.rate),
        "low": _round(side.low),
        "high": _round(side.high),
    }


def _round(value: float | None) -> float | None:
    """Six significant digits: what is beyond is noise. An infinite bound is no bound."""
    return float(f"{value:.{_DIGITS}g}") if value is not None and isfinite(value) else None
