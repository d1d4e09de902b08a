"""One proxy that counts both arms: many runs at once through the shipped e-values, mixture and past.

A block is one scrape, as `serinus.analysis.fold` cuts it where one target reports both arms. That
both ways give the same evidence is tested in tests/bench.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor, log
from typing import TypeAlias

import numpy as np

from serinus.analysis import mixture
from serinus.analysis.evalue import log_e_values, worse
from serinus.analysis.past import Past, no_past
from serinus.analysis.policy import BETTER, RatePolicy
from serinus.analysis.weights import PROPAGATION

from .draws import Generator, bad_of

Array: TypeAlias = np.ndarray
HOUR = 3600.0
_BETTER = np.array(BETTER)


@dataclass(frozen=True)
class Traffic:
    """What both arms do, over the time since the canary gets traffic.

    Attributes:
        rps: requests a second, both arms together.
        share: the canary's.
        canary: its rate of bad requests.
        stable: stable's.
        interval: between scrapes, seconds.
        duration: of a run, seconds.
        late: the canary is as stable until then, seconds.
        outage: length in seconds, at a random time, and the rate at which both arms fail in it.
        drift: both arms' rate at the begin and at the end; instead of the above.
        effect: design effect of bad requests, independent by arm and interval.
        kind: of the over-dispersion, see `bad_of`.
    """

    rps: float = 100.0
    share: float = 0.1
    canary: float = 0.005
    stable: float = 0.005
    interval: float = 15.0
    duration: float = HOUR
    late: float = 0.0
    outage: tuple[float, float] | None = None
    drift: tuple[float, float] | None = None
    effect: float = 1.0
    kind: str = "beta"

    @property
    def blocks(self) -> int:
        """How many scrapes there are in a run."""
        return round(self.duration / self.interval)


@dataclass(frozen=True)
class Counts:
    """What the proxy counted: requests of shape (runs, blocks), bad ones (runs, blocks, rows).

    Attributes:
        n_c: requests of the canary.
        x_c: bad ones among them.
        n_s: requests of stable.
        x_s: bad ones among them.
        history: stable's requests and bad ones per row in each interval of the hour before, shape
            (intervals, runs, 1 + rows).
        share: of the traffic that the canary gets from time 0 on.
    """

    n_c: Array
    x_c: Array
    n_s: Array
    x_s: Array
    history: Array
    share: float


def counts(traffic: Traffic, runs: int, rng: Generator) -> Counts:
    """Traffic of so many runs."""
    shape = (runs, traffic.blocks)
    step = traffic.interval * traffic.rps
    n_c = rng.poisson(step * traffic.share, shape)
    n_s = rng.poisson(step * (1.0 - traffic.share), shape)
    p_c, p_s = rates(traffic, runs, rng)
    x_c = bad_of(rng, n_c, p_c, traffic.effect, traffic.kind)
    x_s = bad_of(rng, n_s, p_s, traffic.effect, traffic.kind)
    before = rng.poisson(step, (round(HOUR / traffic.interval), runs))
    usual = traffic.drift[0] if traffic.drift else traffic.stable
    history = np.stack([before, bad_of(rng, before, usual, traffic.effect, traffic.kind)], axis=-1)
    return Counts(n_c, x_c[..., None], n_s, x_s[..., None], history, traffic.share)


def rates(traffic: Traffic, runs: int, rng: Generator) -> tuple[Array, Array]:
    """Mean rates of the canary and of stable in each block, shape (runs, blocks)."""
    begins = np.arange(traffic.blocks) * traffic.interval
    bad = np.where(begins >= traffic.late, traffic.canary, traffic.stable)
    p_c = np.broadcast_to(bad, (runs, traffic.blocks))
    p_s = np.full((runs, traffic.blocks), traffic.stable)
    if traffic.drift:
        first, last = traffic.drift
        p_s = np.broadcast_to(np.linspace(first, last, traffic.blocks), p_s.shape)
        p_c = p_s + (traffic.canary - traffic.stable)
    if traffic.outage:
        length, rate = traffic.outage
        at = rng.uniform(0.0, traffic.duration - length, (runs, 1))
        overlap = np.minimum(at + length, begins + traffic.interval) - np.maximum(at, begins)
        out = np.clip(overlap / traffic.interval, 0.0, 1.0)
        p_c, p_s = p_c + out * (rate - p_c), p_s + out * (rate - p_s)
    return p_c, p_s


def minutes(found: Counts, interval: float) -> tuple[Array, Array, Array, Array]:
    """The counts by minute, as other tools see them: canary's requests and bad ones, then stable's."""
    width = max(1, round(60.0 / interval))

    def folded(array: Array) -> Array:
        return array[:, : array.shape[1] // width * width].reshape(len(array), -1, width).sum(axis=2)

    return folded(found.n_c), folded(found.x_c[..., 0]), folded(found.n_s), folded(found.x_s[..., 0])


@dataclass
class Verdicts:
    """When each run was decided: seconds, and what the canary had served and failed until then."""

    seconds: Array
    requests: Array
    bad: Array
    evidence: Array = field(default_factory=lambda: np.zeros(0))

    @staticmethod
    def none(runs: int) -> Verdicts:
        """Nothing is decided."""
        return Verdicts(*(np.full(runs, np.inf) for _ in range(3)), np.zeros(runs))

    def note(self, crossed: Array, time: float, requests: Array, bad: Array) -> None:
        """Note what was decided at this time for the first time."""
        new = crossed & np.isinf(self.seconds)
        self.seconds[new], self.requests[new], self.bad[new] = time, requests[new], bad[new]


def judged(
    found: Counts, policy: RatePolicy, interval: float, effects: Sequence[float], alphas: Sequence[float]
) -> dict[tuple[float, float], Verdicts]:
    """When the canary fails, per configured design effect and alpha."""
    runs, starts = len(found.n_c), 1
    logs = {effect: mixture.fresh(policy.rows, len(policy.odds))[None].repeat(runs, axis=0) for effect in effects}
    verdicts = {(effect, alpha): Verdicts.none(runs) for effect in effects for alpha in alphas}
    for time, served, bad, n_c, x_c, n_s, x_s, past in _blocks(found, interval):
        b1 = past.rates[..., None]
        a1 = worse(b1, policy.rho, policy.delta, np.array(policy.odds))
        e = log_e_values(n_c, x_c, n_s, x_s, a1, b1, policy.rho, policy.delta)
        now = 2 + floor(time / policy.restart)  # one more start at the weight's change, at time 0
        for effect in effects:
            logs[effect] = mixture.opened(logs[effect], starts, now) + e / past.dispersion(effect)[..., None]
            rows = mixture.values(logs[effect], now)
            rows = np.where(bad >= policy.min_errors, rows, np.minimum(rows, 0.0))
            evidence = mixture.mean_exp(rows)
            for alpha in alphas:
                verdict = verdicts[effect, alpha]
                verdict.evidence = evidence
                verdict.note(evidence >= -log(alpha), time, served, bad.max(axis=1))
        starts = now
        if all(np.isfinite(verdict.seconds).all() for verdict in verdicts.values()):
            break
    return verdicts


def proven(found: Counts, policy: RatePolicy, interval: float, effects: Sequence[float]) -> dict[float, Verdicts]:
    """When the canary is proven not to be worse by the margin, per configured design effect."""
    runs = len(found.n_c)
    logs = {effect: np.zeros((runs, policy.rows, len(BETTER))) for effect in effects}
    verdicts = {effect: Verdicts.none(runs) for effect in effects}
    for time, served, bad, n_c, x_c, n_s, x_s, past in _blocks(found, interval):
        if time - interval < PROPAGATION:
            continue  # while the weight changes, nothing counts in favour
        b1 = past.rates[..., None]
        e = log_e_values(n_c, x_c, n_s, x_s, _BETTER * b1, b1, 1.0, policy.margin)
        for effect in effects:
            logs[effect] = logs[effect] + e / past.dispersion(effect)[..., None]
            proof = mixture.mean_exp(logs[effect]).min(axis=1)
            verdicts[effect].note(proof >= policy.log_proof_threshold, time, served, bad.max(axis=1))
    return verdicts


def _blocks(found: Counts, interval: float) -> Iterator[tuple[float, Array, Array, Array, Array, Array, Array, Past]]:
    """Per block: its end, the canary's requests and bad ones so far, the counts, what stable did before."""
    rows = found.x_c.shape[2]
    # What lies before the anchor is not forgotten: `Past` decays from there on.
    past = no_past(0.0, rows)
    for number, counted in enumerate(found.history.astype(float), -len(found.history)):
        past = past.scraped(0.0, counted, number)
    served, bad = np.zeros(len(found.n_c)), np.zeros((len(found.n_c), rows))
    for block in range(found.n_c.shape[1]):
        time = (block + 1) * interval
        n_c, x_c = found.n_c[:, block].astype(float), found.x_c[:, block].astype(float)
        n_s, x_s = found.n_s[:, block].astype(float), found.x_s[:, block].astype(float)
        served, bad = served + n_c, bad + x_c
        stable = np.concatenate([n_s[:, None], x_s], axis=1)
        if time - interval < PROPAGATION:
            # While the weight changes: no more of stable's requests than the canary's share allows.
            n_s = np.minimum(n_s, n_c * (1.0 - found.share) / found.share)
            x_s = np.minimum(x_s, n_s[:, None])
        yield time, served, bad, n_c[:, None, None], x_c[..., None], n_s[:, None, None], x_s[..., None], past
        past = past.scraped(time, stable, block)
