"""What a picture shows, as numbers: the curves of a replay, without anything of how they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, log, nan

from serinus.analysis import MeanPolicy, RatePolicy, Side
from serinus.analysis.interval import interval
from serinus.cli.replay import Result, Tick
from serinus.cli.tape import Tape

MOST = 600
"""Points of a curve; more than there are pixels help nobody."""
_LOWEST = 1e-3


@dataclass(frozen=True, slots=True)
class Curve:
    """One side's rate over time with its always-valid band; no number where nothing was served."""

    rate: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """The rates of one test.

    Attributes:
        title: what is compared.
        unit: of the axis.
        percent: whether the numbers are percentages.
        canary: one side.
        stable: the other.
        top: where the axis may end: what is above are bands that are still wide.
    """

    title: str
    unit: str
    percent: bool
    canary: Curve
    stable: Curve
    top: float


def thinned(ticks: Sequence[Tick], keep: Iterable[Tick]) -> list[Tick]:
    """Return at most about `MOST` of the ticks, with those to keep."""
    step = max(1, len(ticks) // MOST)
    wanted = {tick.time for tick in keep}
    last = len(ticks) - 1
    return [tick for i, tick in enumerate(ticks) if i % step == 0 or i == last or tick.time in wanted]


def panels(tape: Tape, ticks: Sequence[Tick], result: Result) -> list[Panel]:
    """Return the rates of every test."""
    return [_panel(tape, name, ticks, result) for name in tape.policies]


def _panel(tape: Tape, name: str, ticks: Sequence[Tick], result: Result) -> Panel:
    policy = tape.policies[name]
    if isinstance(policy, MeanPolicy):
        sides = [(tick.tests[name].canary, tick.tests[name].stable) for tick in ticks]
        title, unit, percent = name, "mean", False
    elif policy.bounds:
        row = _row(policy, name, ticks[-1], result)
        bound = policy.bounds[row]
        alone = tape.alpha / len(tape.policies)
        sides = [_at_row(tick, name, row, alone) for tick in ticks]
        title, unit, percent = f"{name}: requests slower than {_duration(bound)}", "% of requests", True
    else:
        sides = [(tick.tests[name].canary, tick.tests[name].stable) for tick in ticks]
        title, unit, percent = f"{name}: failed requests", "% of requests", True
    factor = 100.0 if percent else 1.0
    canary, stable = (_curve([side[i] for side in sides], factor) for i in (0, 1))
    return Panel(title, unit, percent, canary, stable, _top(canary, stable))


def _row(policy: RatePolicy, name: str, last: Tick, result: Result) -> int:
    """The bound with the most evidence, if there is any; else the one nearest to stable's slowest tenth."""
    found = result.tick.tests[name]
    if found.evidence > 1.0 and found.bound is not None:
        return policy.bounds.index(found.bound)
    requests, *slower = last.rows[name].stable
    return min(range(len(policy.bounds)), key=lambda row: abs(log((slower[row] + 0.5) / (0.1 * requests + 0.5))))


def _at_row(tick: Tick, name: str, row: int, alpha: float) -> tuple[Side, Side]:
    rows = tick.rows[name]
    dispersion = rows.dispersion[row]
    return _side(rows.canary, row, alpha, dispersion), _side(rows.stable, row, alpha, dispersion)


def _side(counts: tuple[float, ...], row: int, alpha: float, dispersion: float) -> Side:
    requests, bad = counts[0], counts[1 + row]
    low, high = interval(requests, bad, alpha, dispersion)
    return Side(requests, bad, bad / requests if requests else None, low, high)


def _curve(sides: Sequence[Side], factor: float) -> Curve:
    def scaled(value: float | None, side: Side) -> float:
        return nan if value is None or side.rate is None or not isfinite(value) else factor * value

    return Curve(
        [scaled(side.rate, side) for side in sides],
        [scaled(side.low, side) for side in sides],
        [scaled(side.high, side) for side in sides],
    )


def _top(canary: Curve, stable: Curve) -> float:
    """Enough for all rates, and for the bands once a fifth of the time is over."""
    rates = [rate for curve in (canary, stable) for rate in curve.rate[len(curve.rate) // 10 :] if isfinite(rate)]
    highs = [high for curve in (canary, stable) for high in curve.high[len(curve.high) // 5 :] if isfinite(high)]
    highest = max(rates, default=0.0)
    widest = max(highs, default=0.0)
    return 1.08 * (max(highest, min(widest, 2.5 * highest)) or widest or 1.0)


def evidence(tick: Tick) -> float:
    """Return the evidence of all tests together, as a picture can show it."""
    return max(tick.evidence, _LOWEST)


def proof(tape: Tape, tick: Tick) -> float | None:
    """Return the proof of the gating test that has the least: all of them are needed."""
    found = [tick.tests[name].proof for name, policy in tape.policies.items() if policy.gating]
    return max(min(found), _LOWEST) if found else None


def proof_limit(tape: Tape) -> float:
    """Return 1/beta."""
    policy = next(iter(tape.policies.values()))
    assert isinstance(policy, RatePolicy | MeanPolicy)  # noqa: S101 - for the type checker
    return 1.0 / policy.beta


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms" if seconds < 1 else f"{seconds:.4g} s"
