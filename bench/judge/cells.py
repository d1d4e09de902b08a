"""The cells of the table: which traffic, how many runs, which rules, and where a rollback is false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from serinus.analysis import MeanPolicy, RatePolicy

from .averages import MEAN, Values
from .latency import Load, is_null, policy_of
from .scene import Scene
from .stream import Traffic

ALPHA = 0.01
DELTA = 0.005
MANY, SOME, FEW = 10_000, 1_000, 200
LENGTHS = (10.0, 30.0, 60.0, 120.0, 300.0)
PEERS = ("Flagger 5", "Flagger 10", "Kayenta")


@dataclass(frozen=True)
class Rule:
    """One policy of the judge.

    Attributes:
        name: column of the table.
        policy: what the judge is told.
        alpha: of the trial.
    """

    name: str
    policy: RatePolicy | MeanPolicy
    alpha: float = ALPHA


Subject: TypeAlias = Traffic | Scene | Load | Values


@dataclass(frozen=True)
class Cell:
    """One row of the table.

    Attributes:
        name: unique; the group goes before the first slash.
        kind: how it is run: stream, scene, scene-alone, proof, proof-scene, latency, means or total.
        subject: the traffic.
        rules: what judges it.
        nulls: the largest share of rollbacks allowed, by rule; for them a rollback is false.
        runs: how many at first.
        most: how many when there is time.
        peers: other tools' rules are run on the same counts.
        early: runs are expected to end early.
        note: what is special.
    """

    name: str
    kind: str
    subject: Subject
    rules: tuple[Rule, ...]
    nulls: dict[str, float] = field(default_factory=dict)
    runs: int = SOME
    most: int = SOME
    peers: bool = False
    early: bool = False
    note: str = ""

    @property
    def group(self) -> str:
        """The table it belongs to."""
        return self.name.split("/", 1)[0]


def rule(label: str, effect: float, alpha: float = ALPHA, **policy: float) -> Rule:
    """A rule of the error rate with this configured design effect."""
    tail = "" if alpha == ALPHA else f", alpha {alpha:g}"
    return Rule(f"{label}, D {effect:g}{tail}", RatePolicy(dispersion=effect, **policy), alpha)


DEFAULT = tuple(rule("default", effect, delta=DELTA) for effect in (2.0, 1.0))
STRICT = (*(rule("strict", effect, delta=0.0) for effect in (2.0, 1.0)), rule("strict", 1.0, 0.05, delta=0.0))
MEASURED = (Rule("default", RatePolicy()), Rule("strict", RatePolicy(delta=0.0)))


def cells() -> list[Cell]:
    """All cells, the most important ones first."""
    found = [
        *_number(),
        *_grid(),
        *_boundary(),
        *_measured(),
        *_outages(),
        *_configured(),
        *_total(),
        *_hygiene(),
        *_promotion(),
        *_latency(),
        *_late(),
        *_low(),
        *_steps(),
        *_means(),
    ]
    names = [cell.name for cell in found]
    assert len(set(names)) == len(names), "names are unique"
    return found


def percent(rate: float) -> str:
    """A rate as the table shows it."""
    return f"{100.0 * rate:g} %"


def _stream(name: str, subject: Traffic, rules: tuple[Rule, ...], nulls: tuple[Rule, ...] = (), **more: object) -> Cell:
    runs = MANY if nulls else SOME
    limits = {each.name: each.alpha for each in nulls}
    return Cell(name, "stream", subject, rules, limits, runs, runs, **more)  # type: ignore[arg-type]


def _healthy(traffic: Traffic) -> tuple[Rule, ...]:
    """The rules for which this canary is within its tolerance."""
    worse = traffic.canary - traffic.stable
    return (*(DEFAULT if worse <= DELTA + 1e-12 else ()), *(STRICT if worse <= 0.0 else ()))


def _number() -> Iterator[Cell]:
    for rate in (0.02, 0.005, 0.01, 0.05, 0.2, 1.0):
        traffic = Traffic(canary=rate, interval=5.0)
        name = f"5 s scrapes/100 rps, 10 %, canary {percent(rate)}"
        yield _stream(name, traffic, (*DEFAULT, *STRICT[:2]), _within(traffic), peers=rate in (0.02, 0.005))
    scene = Scene(canary=0.02, interval=5.0, duration=1800.0)
    yield Cell("5 s scrapes/pods, 100 rps, 10 %, canary 2 %", "scene", scene, MEASURED, runs=500, most=500, early=True)


def _within(traffic: Traffic) -> tuple[Rule, ...]:
    return tuple(each for each in _healthy(traffic) if each.alpha == ALPHA)


def _grid() -> Iterator[Cell]:
    for rate in (0.005, 0.01, 0.02, 0.05, 0.2, 1.0):
        for rps in (10.0, 100.0, 1000.0):
            for share in (0.05, 0.1, 0.2):
                traffic = Traffic(rps, share, rate)
                name = f"grid/{rps:g} rps, {percent(share)}, canary {percent(rate)}"
                yield _stream(name, traffic, (*DEFAULT, *STRICT), _healthy(traffic), peers=True)


def _boundary() -> Iterator[Cell]:
    for stable in (0.001, 0.005, 0.05):
        for rps in (10.0, 100.0, 1000.0):
            for label, delta, rules in (("default", DELTA, DEFAULT), ("strict", 0.0, STRICT[:2])):
                for times in (1.0, 2.0, 5.0):
                    traffic = Traffic(rps, canary=times * (stable + delta), stable=stable)
                    name = f"boundary/{label}, {rps:g} rps, 10 %, stable {percent(stable)}, canary at {times:g} x"
                    yield _stream(name, traffic, rules, rules if times == 1.0 else ())
    lenient = (rule("rho 1.25", 1.0, rho=1.25, delta=0.0),)
    for times in (1.0, 2.0, 5.0):
        traffic = Traffic(canary=times * 1.25 * 0.005)
        name = f"boundary/rho 1.25 delta 0, 100 rps, 10 %, stable 0.5 %, canary at {times:g} x"
        yield _stream(name, traffic, lenient, lenient if times == 1.0 else ())


def _scenes(
    name: str, scene: Scene, runs: tuple[int, int], *, limit: float = ALPHA, powers: int = FEW
) -> Iterator[Cell]:
    """A healthy canary, one exactly at the boundary, and the power at 2 and 5 times that of each policy."""
    yield Cell(name, "scene", scene, MEASURED, dict.fromkeys(("default", "strict"), limit), *runs)
    edge = replace(scene, canary=scene.stable + DELTA)
    yield Cell(f"{name}, default at 1 x", "scene", edge, MEASURED[:1], {"default": limit}, *runs)
    for each, delta in zip(MEASURED, (DELTA, 0.0), strict=True):
        for times in (2.0, 5.0):
            bad = replace(scene, canary=times * (scene.stable + delta))
            label = f"{name}, {each.name} at {times:g} x"
            yield Cell(label, "scene", bad, (each,), runs=powers, most=powers, early=True)


def _measured() -> Iterator[Cell]:
    for effect in (2.0, 5.0, 10.0, 1.0):
        for kind in ("beta", "bursts") if effect > 1.0 else ("beta",):
            limit = 0.02 if effect > 1.0 else ALPHA
            main = kind == "beta" and effect in (2.0, 5.0)
            scene = Scene(effect=effect, kind=kind)
            name = f"over-dispersion measured/true D {effect:g} ({kind}), 3 stable pods"
            yield from _scenes(name, scene, (MANY, MANY) if main else (4000, MANY), limit=limit)


def _configured() -> Iterator[Cell]:
    for effect in (1.0, 2.0, 5.0):
        for kind in ("beta", "bursts") if effect > 1.0 else ("beta",):
            name = f"over-dispersion not measurable/true D {effect:g} ({kind}), 100 rps, 10 %"
            traffic = Traffic(effect=effect, kind=kind)
            limit = 0.02 if effect > 1.0 else ALPHA
            cell = _stream(name, traffic, (*DEFAULT, *STRICT[:2]), peers=True)
            yield replace(cell, nulls=dict.fromkeys([each.name for each in cell.rules], limit), runs=MANY, most=MANY)
            for label, delta, judged in (("default", DELTA, DEFAULT), ("strict", 0.0, STRICT[:2])):
                for times in (2.0, 5.0):
                    bad = replace(traffic, canary=times * (traffic.stable + delta))
                    yield _stream(f"{name}, {label} at {times:g} x", bad, judged)


def _outages() -> Iterator[Cell]:
    for rate in (0.1, 1.0):
        for length in LENGTHS:
            name = f"common outage staggered/{length:g} s of {percent(rate)} errors, pods"
            scene = Scene(outage=(length, rate), duration=1200.0)
            yield from _scenes(name, scene, (4000, MANY))
    for rate in (0.1, 1.0):
        several = Scene(outages=(LENGTHS, rate), duration=1800.0)
        name = f"common outage staggered/one after the other, {percent(rate)} errors"
        yield from _scenes(f"{name}, pods", several, (4000, MANY))
        single = replace(several, canaries=1, stables=1)
        yield from _scenes(f"{name}, one pod each", single, (2000, MANY))
        quick = replace(several, interval=5.0, duration=900.0)
        yield from _scenes(f"{name}, pods, 5 s scrapes", quick, (2000, MANY))
    for rate in (0.1, 1.0):
        for length in LENGTHS:
            traffic = Traffic(outage=(length, rate))
            name = f"common outage one proxy/{length:g} s of {percent(rate)} errors"
            rules = (*DEFAULT, *STRICT[:2])
            yield _stream(name, traffic, rules, rules, peers=True)
            for label, delta, judged in (("default", DELTA, DEFAULT), ("strict", 0.0, STRICT[:2])):
                for times in (2.0, 5.0):
                    bad = replace(traffic, canary=times * (traffic.stable + delta))
                    yield replace(_stream(f"{name}, {label} at {times:g} x", bad, judged), runs=FEW, most=FEW)


def _hygiene() -> Iterator[Cell]:
    several = (LENGTHS, 0.1)
    scenes = {
        "pods replaced every 3 minutes": Scene(life=180.0),
        "pods replaced every 3 minutes, outages of 10 %": Scene(life=180.0, outages=several),
        "restarts in place every 5 minutes": Scene(reset=300.0),
        "restarts in place every 5 minutes, one proxy": Scene(reset=300.0, pods=False),
        "a tenth of the scrapes missing": Scene(missing=0.1),
        "a tenth of the scrapes missing, outages of 10 %": Scene(missing=0.1, outages=several),
        "a tenth of the scrapes missing, one proxy": Scene(missing=0.1, pods=False),
    }
    for name, scene in scenes.items():
        half = replace(scene, duration=1800.0)
        yield from _scenes(f"data hygiene/{name}", half, (2000, MANY))
    for name, scene in {
        "restarts in place every 5 minutes, counters of answers": Scene(reset=300.0, duration=1800.0),
        "pods replaced every 3 minutes, outages of 10 %, counters of answers": Scene(
            life=180.0, outages=several, duration=1800.0
        ),
    }.items():
        limits = dict.fromkeys(("default", "strict"), ALPHA)
        yield Cell(f"data hygiene/{name}", "scene-alone", scene, MEASURED, limits, SOME, MANY)
        for each, delta in zip(MEASURED, (DELTA, 0.0), strict=True):
            for times in (2.0, 5.0):
                bad = replace(scene, canary=times * (scene.stable + delta))
                yield Cell(
                    f"data hygiene/{name}, {each.name} at {times:g} x", "scene-alone", bad, (each,), runs=100, most=100
                )
    behind = Scene(behind=0.9, duration=1800.0, outages=several)
    yield from _scenes(
        "data hygiene/late samples, outages of 10 %, looked at every scrape", behind, (200, MANY), powers=25
    )


def _late() -> Iterator[Cell]:
    for rate in (0.02, 0.05, 0.2):
        traffic = Traffic(canary=rate, late=1800.0)
        yield _stream(
            f"late degradation/100 rps, 10 %, after 30 min {percent(rate)}",
            traffic,
            (*DEFAULT, *STRICT[:2]),
            peers=True,
        )
    for rate in (0.02, 0.05, 0.2):
        scene = Scene(canary=rate, late=1800.0)
        name = f"late degradation/pods, 100 rps, 10 %, after 30 min {percent(rate)}"
        yield Cell(name, "scene", scene, MEASURED, runs=FEW, most=FEW)


def _low() -> Iterator[Cell]:
    for rps in (0.2, 1.0):
        for share in (0.1, 0.5):
            for rate in (0.005, 0.01, 0.02, 0.025, 0.05, 0.2, 1.0):
                traffic = Traffic(rps, share, rate)
                name = f"low traffic/{rps:g} rps, {percent(share)}, canary {percent(rate)}"
                yield _stream(name, traffic, (*DEFAULT, *STRICT[:2]), _within(traffic), peers=True)


def _steps() -> Iterator[Cell]:
    weights = ((0.0, 0.05), (1200.0, 0.25), (2400.0, 0.5))
    for pods in (True, False):
        name = f"weight steps/5, 25, 50 %, both arms drift 0.2 to 3 %, {'pods' if pods else 'one proxy'}"
        scene = Scene(weights=weights, drift=(0.002, 0.03), canary=0.0, stable=0.0, pods=pods)
        limits = dict.fromkeys(("default", "strict"), ALPHA)
        yield Cell(name, "scene", scene, MEASURED, limits, 4000, MANY)
        for times in (2.0, 5.0):
            extra = times * (0.016 + DELTA) - 0.016
            bad = replace(scene, canary=extra)
            label = f"{name}, default at {times:g} x of the hour's mean"
            yield Cell(label, "scene", bad, MEASURED[:1], runs=FEW, most=FEW, early=True)


def _total() -> Iterator[Cell]:
    for rps in (0.2, 1.0, 10.0, 100.0):
        traffic = Traffic(rps, canary=1.0, interval=5.0, duration=3600.0 if rps < 1.0 else 1200.0)
        rules = tuple(rule("default", effect, delta=DELTA) for effect in (1.0, 2.0, 5.0))
        yield Cell(f"total failure/{rps:g} rps, 10 %, one proxy", "total", traffic, rules)
    for rps in (1.0, 10.0, 100.0):
        scene = Scene(rps, canary=1.0, interval=5.0, duration=600.0, history=300.0)
        yield Cell(
            f"total failure/{rps:g} rps, 10 %, pods", "scene", scene, MEASURED[:1], runs=FEW, most=FEW, early=True
        )


def _latency() -> Iterator[Cell]:
    shifts = {
        "same": {"slower": 1.0},
        "all x 1.05": {"slower": 1.05},
        "all x 1.1": {"slower": 1.1},
        "all x 1.25": {"slower": 1.25},
        "all x 1.5": {"slower": 1.5},
        "all x 2": {"slower": 2.0},
        "2 % x 5": {"slower": 5.0, "part": 0.02},
        "5 % x 5": {"slower": 5.0, "part": 0.05},
    }
    for label, shift in shifts.items():
        for rps in (10.0, 100.0):
            for native in (False, True):
                load = Load(rps, native=native, **shift)
                delta = 0.0 if native else 0.01
                kind = "native, one bucket (9 %) tolerated" if native else "classic, delta 0.01"
                rules = tuple(Rule(f"D {d:g}", policy_of(load, delta, dispersion=d)) for d in (2.0, 1.0))
                null = is_null(load, rules[0].policy.bounds, delta)  # type: ignore[union-attr]
                limits = {each.name: ALPHA for each in rules} if null else {}
                runs = MANY if null else SOME
                yield Cell(f"latency/{label}, {rps:g} rps, {kind}", "latency", load, rules, limits, runs, runs)


def _promotion() -> Iterator[Cell]:
    for margin in (0.005, 0.01, 0.02):
        for times in (0.0, 1.0, 2.0):
            traffic = Traffic(10.0, canary=0.005 + times * margin)
            rules = tuple(Rule(f"D {d:g}", RatePolicy(delta=0.0, margin=margin, dispersion=d)) for d in (2.0, 1.0))
            limits = {each.name: 0.05 for each in rules} if times else {}
            what = f"worse by {times:g} x the margin" if times else "as good as stable"
            runs = MANY if times else SOME
            name = f"promotion/margin {percent(margin)}, canary {what}, 1 canary rps"
            yield Cell(name, "proof", traffic, rules, limits, runs, runs)
    for times in (0.0, 1.0, 2.0):
        scene = Scene(canary=0.005 + times * 0.01)
        what = f"worse by {times:g} x the margin" if times else "as good as stable"
        runs = SOME if times else FEW
        limits = {"default": 0.05} if times else {}
        name = f"promotion/margin 1 %, canary {what}, pods, 10 canary rps"
        yield Cell(name, "proof-scene", scene, MEASURED[:1], limits, runs, MANY if limits else runs)


def _means() -> Iterator[Cell]:
    laws = {"normal, cv 0.5": ("normal", 0.5), "lognormal 1": ("lognormal", 1.0), "lognormal 1.5": ("lognormal", 1.5)}
    laws["Bernoulli 5 %"] = ("bernoulli", 0.0)
    for label, (law, spread) in laws.items():
        mean = 0.05 if law == "bernoulli" else MEAN
        for worse, margin in ((0.0, 0.0), (0.02, 0.02), (0.05, 0.0), (0.2, 0.0)):
            policy = MeanPolicy(higher_is_better=True, margin=margin * mean, effect=0.05 * mean)
            rules = tuple(Rule(f"alpha {alpha:g}", policy, alpha) for alpha in (0.01, 0.05))
            null = worse <= margin
            values = Values(law, spread, worse, between=100 if null else 400)
            what = f"mean {percent(-worse)}" if worse else "the same mean"
            what += ", as the margin allows" if margin else ""
            limits = {each.name: each.alpha for each in rules} if null else {}
            runs = MANY if null else 300
            yield Cell(f"means/{label}, {what}", "means", values, rules, limits, runs, runs)
