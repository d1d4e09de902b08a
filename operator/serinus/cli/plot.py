"""The picture of a replay: rates with their bands, evidence with its limits, weight with the decision.

matplotlib is imported here only, and only when a picture is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from serinus.analysis import Outcome
from serinus.cli import curves
from serinus.cli.replay import Result, Tick
from serinus.cli.tape import Tape

INK, MUTED, GRID = "#1b1b1b", "#5f6368", "#e6e6e6"
CANARY, STABLE, PROOF = "#D55E00", "#0072B2", "#009E73"
"""Okabe and Ito's colours, which people with any colour vision tell apart."""
OUTCOMES = {
    Outcome.INCONCLUSIVE: ("#c9c9c9", ""),
    Outcome.PASS: ("#009E73", ""),
    Outcome.FAIL: ("#D55E00", ""),
    Outcome.BLIND: ("#ffffff", "////"),
}
"""Colour and hatching of an outcome."""
STYLE: Any = {
    "svg.hashsalt": "serinus",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "hatch.linewidth": 0.8,
}
DECIDED = {Outcome.PASS: "promoted", Outcome.FAIL: "rolled back"}
HELD = {
    Outcome.INCONCLUSIVE: "Held: not enough evidence either way",
    Outcome.BLIND: "Held: the judge cannot see",
}
LONG = 900.0
"""Seconds from which the time is shown in minutes."""


def draw(tape: Tape, ticks: Sequence[Tick], result: Result, file_format: str = "svg") -> bytes:
    """Return the picture of a replay; the same replay gives the same bytes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rates = curves.panels(tape, kept := curves.thinned(ticks, [result.tick]), result)
    clock = _Clock(tape.anchor, kept)
    with rc_context(STYLE):
        heights = [2.3] * len(rates) + [2.3, 1.5]
        figure = Figure(figsize=(10, 1.6 + 1.22 * sum(heights)), facecolor="white", layout="constrained")
        _headline(figure, clock, result)
        axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0].tolist()
        for axis, panel in zip(axes, rates, strict=False):
            _rates(axis, clock.times, panel)
        _evidence(axes[-2], clock, tape, kept, result)
        _weight(axes[-1], clock, kept)
        _decision(axes, clock, result)
        axes[-1].set_xlabel(f"{clock.unit} since the canary's first weight")
        return _bytes(figure, file_format)


class _Clock:
    """Times of ticks in the unit that the picture shows."""

    def __init__(self, anchor: float, ticks: Sequence[Tick]) -> None:
        long = ticks[-1].time - anchor >= LONG
        self.unit, self._size, self._anchor = ("minutes", 60.0, anchor) if long else ("seconds", 1.0, anchor)
        self.times = [self.at(tick.time) for tick in ticks]

    def spoken(self, time: float) -> str:
        """Return a time for people."""
        return f"{self.at(time):.3g} {self.unit}"

    def at(self, time: float) -> float:
        """Return the place of a time on the axis."""
        return (time - self._anchor) / self._size


def _rates(axis: Any, times: list[float], panel: curves.Panel) -> None:
    for curve, colour, label in ((panel.stable, STABLE, "stable"), (panel.canary, CANARY, "canary")):
        axis.fill_between(times, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        axis.plot(times, curve.rate, color=colour, linewidth=1.8, label=label, linestyle="-")
    axis.fill_between([], [], [], color=MUTED, alpha=0.25, linewidth=0, label="always-valid interval")
    if panel.percent:
        axis.set_ylim(0, panel.top)
    axis.set_ylabel(panel.unit)
    _dress(axis, panel.title)


def _evidence(axis: Any, clock: _Clock, tape: Tape, ticks: Sequence[Tick], result: Result) -> None:
    limit, needed = 1.0 / tape.alpha, curves.proof_limit(tape)
    against = [curves.evidence(tick) for tick in ticks]
    favour = [curves.proof(tape, tick) for tick in ticks]
    top = 30.0 * max(limit, needed)
    axis.set_yscale("log")
    for values, colour, label in ((against, CANARY, "evidence against it"), (favour, PROOF, "proof for it")):
        shown = [min(value, top) if value is not None else float("nan") for value in values]
        style = "-" if colour == CANARY else (0, (5, 1.5))
        axis.plot(clock.times, shown, color=colour, linewidth=1.8, linestyle=style, label=label)
    early = clock.at(result.tick.time) < (clock.times[0] + clock.times[-1]) / 2
    for value, colour, text in ((limit, CANARY, "roll back at"), (needed, PROOF, "proven at")):
        axis.axhline(value, color=colour, linewidth=1, linestyle=":")
        axis.annotate(
            f"{text} {value:.4g}", (0.996 if early else 0.004, value), xycoords=("axes fraction", "data"),
            xytext=(0, -3), textcoords="offset points", ha="right" if early else "left", va="top", color=colour,
            fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        )  # fmt: skip
    axis.set_ylim(min(0.1, *against) / 1.5, 1.4 * top)
    axis.set_ylabel("e-value")
    alone = len(tape.policies) == 1
    _dress(axis, "evidence and proof" if alone else "evidence of all tests together, proof of the least proven")


def _weight(axis: Any, clock: _Clock, ticks: Sequence[Tick]) -> None:
    shares = [100 * tick.share for tick in ticks]
    axis.step(clock.times, shares, where="post", color=INK, linewidth=1.6)
    top = max(*shares, 1.0)
    axis.set_ylim(-0.42 * top, 1.25 * top)
    axis.set_yticks([0, top])
    axis.set_ylabel("% of requests")
    seen: set[Outcome] = set()
    times = [*clock.times, clock.times[-1]]
    for outcome, group in groupby(range(len(ticks)), key=lambda place: ticks[place].verdict.outcome):
        places = list(group)
        colour, hatch = OUTCOMES[outcome]
        axis.broken_barh(
            [(times[places[0]], times[places[-1] + 1] - times[places[0]])],
            (-0.34 * top, 0.22 * top),
            facecolor=colour,
            hatch=hatch,
            edgecolor=MUTED,
            linewidth=0.4,
            label=None if outcome in seen else outcome.value,
        )
        seen.add(outcome)
    _dress(axis, "weight of the canary, and what the judge said")


def _decision(axes: Sequence[Any], clock: _Clock, result: Result) -> None:
    """Mark the moment of the verdict in every panel, and name it in the last."""
    outcome = result.tick.verdict.outcome
    if outcome not in DECIDED:
        return
    at = clock.at(result.tick.time)
    for axis in axes:
        axis.axvline(at, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    late = at > sum(axes[-1].get_xlim()) / 2
    axes[-1].annotate(
        DECIDED[outcome], (at, 0.5), xycoords=("data", "axes fraction"), xytext=(-5 if late else 5, 0),
        textcoords="offset points", ha="right" if late else "left", va="center", fontweight="bold",
    )  # fmt: skip


def _headline(figure: Any, clock: _Clock, result: Result) -> None:
    verdict = result.tick.verdict
    title = HELD.get(verdict.outcome, "")
    if verdict.outcome in DECIDED:
        title = (
            f"{DECIDED[verdict.outcome].capitalize()} {clock.spoken(result.tick.time)} after the canary's first weight"
        )
    told = f"{verdict.reason} ({verdict.metric}). {verdict.message}"
    lines = wrap(told.replace(" %", "\u00a0%"), 136)
    inch = 1.0 / figure.get_figheight()
    figure.text(0.008, 1.0 - 0.12 * inch, title, ha="left", va="top", fontsize=14, fontweight="bold")
    figure.text(0.008, 1.0 - 0.45 * inch, "\n".join(lines), ha="left", va="top", fontsize=9.5, color=MUTED)
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1.0 - (0.55 + 0.18 * len(lines)) * inch))


def _dress(axis: Any, title: str) -> None:
    """Give a panel its title, its legend beside it, and a quiet grid."""
    axis.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK)
    axis.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=4, frameon=False, fontsize=9, handlelength=1.8,
        borderpad=0.1, borderaxespad=0.1, columnspacing=1.4,
    )  # fmt: skip
    axis.grid(visible=True, color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.margins(x=0.01)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _bytes(figure: Any, file_format: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if file_format == "svg" else None
    figure.savefig(target, format=file_format, metadata=metadata, dpi=110)
    return target.getvalue()
