"""The fold: windows of raw samples in, evidence out. Live judging and replay run the same code.

    judgement = begin(policy, anchor)
    judgement = reweigh(judgement, time, share)     # at every change of the weight
    judgement = fold(judgement, window)             # as often as one likes

`fold` depends on what the windows hold, not on how they are cut: overlapping, repeated or one big
window give the same evidence and the same verdict at the same sample, as long as a target's samples
come within an interval after those of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor

from .blocks import COARSE, LONGEST
from .evalue import Block, log_e_values
from .increments import Track
from .mixture import Mixture, fresh_mixture, log_sum
from .past import DispersionSource, Past
from .policy import ErrorRatePolicy
from .samples import Arm, Tally
from .weights import Weight, fit


@dataclass(frozen=True, slots=True)
class Stream:
    """Evidence over blocks of one length.

    Attributes:
        rounds: length of a block in rounds.
        mixture: the evidence.
        past: stable before the block that comes next.
    """

    rounds: int
    mixture: Mixture
    past: Past


@dataclass(frozen=True, slots=True)
class Latch:
    """The first time that the evidence reached 1/alpha; it never opens again.

    Attributes:
        time: the newest sample of the block that did it.
        log_evidence: natural logarithm of the evidence then.
        canary: judged so far.
        stable: judged so far.
        dispersion: in use.
        source: where it came from.
    """

    time: float
    log_evidence: float
    canary: Tally
    stable: Tally
    dispersion: float
    source: DispersionSource


@dataclass(frozen=True, slots=True)
class Sight:
    """What the newest window showed of one target.

    Attributes:
        name: the target's.
        arm: as in `Target`.
        live: as in `Target`.
        newest: when it last answered, None if never within the window.
        up: whether its newest scrape was answered.
        unusable: a counter whose newest value is no number, or negative.
    """

    name: str
    arm: Arm | None
    live: bool
    newest: float | None
    up: bool
    unusable: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything known of one rollout's error rate. Make it with `begin`.

    Attributes:
        policy: pinned for the rollout.
        anchor: the rollout's start; the grid and the starts of the mixture begin here.
        history: stable before the rollout, as given to `begin`.
        weights: changes of the canary's share, ascending.
        interval: scrape interval, seconds; None before the first window.
        separate: whether the arms come from different targets; None before the first target.
        streams: the evidence; its value is their mean.
        canary: all that was judged of the canary.
        stable: all that was judged of stable.
        step_canary: of it, since the newest weight.
        step_stable: of it, since the newest weight.
        round: the next round to be cut (arms apart).
        cursors: newest scrape judged per target (arms together).
        waiting: stable's counts `(end, requests, errors)` not yet in the past (arms together).
        tracks: how far each target was read.
        sights: the newest window's targets.
        seen: where the newest window ended, None before the first.
        latch: set by the first crossing of 1/alpha.
    """

    policy: ErrorRatePolicy
    anchor: float
    history: Tally
    weights: tuple[Weight, ...]
    interval: float | None
    separate: bool | None
    streams: tuple[Stream, ...]
    canary: Tally
    stable: Tally
    step_canary: Tally
    step_stable: Tally
    round: int | None
    cursors: Mapping[str, float]
    waiting: tuple[tuple[float, float, float], ...]
    tracks: Mapping[str, Track]
    sights: tuple[Sight, ...]
    seen: float | None
    latch: Latch | None

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the evidence: of the mean of the streams' mixtures."""
        fine = self.streams[0].mixture.log_value
        if not self.separate:
            return fine
        return log_sum(fine, self.streams[1].mixture.log_value) + _LOG_HALF

    @property
    def dispersion(self) -> tuple[float, DispersionSource]:
        """The design effect that the next block is tempered with, and where it comes from."""
        return self.streams[0].past.dispersion(self.policy.dispersion)

    @property
    def since(self) -> float | None:
        """How far back the next window must reach for nothing to be lost; None if it is open."""
        if self.interval is None:
            return None
        newest = max((t.last for t in self.tracks.values() if t.last is not None), default=None)
        if newest is not None:
            recent = newest - LONGEST * self.interval
            return min(t.last for t in self.tracks.values() if t.last is not None and t.last >= recent)
        if self.separate:
            first = 0 if self.round is None else self.round // COARSE * COARSE
            return self.anchor + (first - KEPT_ROUNDS) * self.interval
        return min(self.cursors.values(), default=self.anchor) - 2 * self.interval


_LOG_HALF = -0.6931471805599453
KEPT_ROUNDS = 2 * COARSE
"""Rounds before the coarse block in work whose increments are kept."""


def begin(policy: ErrorRatePolicy, anchor: float, history: Tally | None = None) -> Judgement:
    """A judgement that has seen nothing.

    Args:
        policy: what to look for.
        anchor: the rollout's start, Unix seconds, the same again in every replay.
        history: stable's requests and errors before the rollout, an hour of them or more. Give it
            only if no window will show that time; what windows show of it is used by itself.
    """
    seen = history or Tally()
    past = Past(anchor, seen.requests, seen.errors)
    mixture = fresh_mixture(len(policy.odds))
    none = Tally()
    return Judgement(
        policy=policy,
        anchor=anchor,
        history=seen,
        weights=(),
        interval=None,
        separate=None,
        streams=(Stream(1, mixture, past), Stream(COARSE, mixture, past)),
        canary=none,
        stable=none,
        step_canary=none,
        step_stable=none,
        round=None,
        cursors={},
        waiting=(),
        tracks={},
        sights=(),
        seen=None,
        latch=None,
    )


def reweigh(judgement: Judgement, time: float, share: float) -> Judgement:
    """The judgement of a canary that gets `share` of the requests from `time` on.

    Call it in order of time, and before windows with later samples are folded. It opens a new
    start of the mixture and a new step. Repeating the newest change does nothing.

    Raises:
        ValueError: the share is outside of [0, 1], or the time is before the newest change.
    """
    change = Weight(time, share)
    if judgement.weights:
        newest = judgement.weights[-1]
        if change == newest:
            return judgement
        if time < newest.time:
            msg = f"time must not be before the newest change at {newest.time}, got {time}"
            raise ValueError(msg)
    none = Tally()
    weights = (*judgement.weights, change)
    return replace(judgement, weights=weights, step_canary=none, step_stable=none)


def counted(judgement: Judgement, start: float, canary: Tally, stable: Tally) -> Judgement:
    """The judgement with requests since `start` added to its totals."""
    step = judgement.weights[-1].time if judgement.weights else judgement.anchor
    if start < step:
        return replace(judgement, canary=judgement.canary.plus(canary), stable=judgement.stable.plus(stable))
    return replace(
        judgement,
        canary=judgement.canary.plus(canary),
        stable=judgement.stable.plus(stable),
        step_canary=judgement.step_canary.plus(canary),
        step_stable=judgement.step_stable.plus(stable),
    )


def weigh(judgement: Judgement, stream: Stream, block: Block) -> Stream:
    """The stream after one more block; its past must hold nothing of the block."""
    policy = judgement.policy
    fitted = fit(block, judgement.weights)
    values = log_e_values(fitted, stream.past.rate, policy.rho, policy.delta, policy.odds)
    dispersion, _ = stream.past.dispersion(policy.dispersion)
    mixture = stream.mixture.opened(_starts(judgement, block.end)).times(values, dispersion)
    return replace(stream, mixture=mixture)


def latched(judgement: Judgement, time: float) -> Judgement:
    """The judgement, failed for good if its evidence has reached 1/alpha for the first time."""
    policy = judgement.policy
    if judgement.latch is not None or judgement.canary.errors < policy.min_errors:
        return judgement
    evidence = judgement.log_evidence
    if evidence < policy.log_threshold:
        return judgement
    dispersion, source = judgement.dispersion
    latch = Latch(time, evidence, judgement.canary, judgement.stable, dispersion, source)
    return replace(judgement, latch=latch)


def _starts(judgement: Judgement, time: float) -> int:
    regular = floor(max(0.0, time - judgement.anchor) / judgement.policy.restart)
    return 1 + regular + sum(weight.time < time for weight in judgement.weights)
