"""What is known of one rate of a rollout: evidence against the canary, and proof for it.

judgement = begin(policy, anchor)
judgement = reweigh(judgement, time, share)     # at every change of the weight
judgement = fold(judgement, window)             # as often as one likes
"""

from __future__ import annotations

from math import floor, log
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from . import mixture
from .blocks import COARSE
from .evalue import Block, log_e_values, worse
from .past import Past, no_past
from .policy import BETTER, RatePolicy
from .reader import Reader, begin_reading
from .weights import Weight, fit, fit_proof

Array: TypeAlias = np.ndarray
Trail: TypeAlias = tuple[tuple[float, float], ...]
"""Times of samples, and the logarithm of the evidence after each."""
_LOG_HALF = log(0.5)


class Stream(NamedTuple):
    """Evidence and proof over blocks of one length.

    Attributes:
        rounds: length of a block in rounds.
        logs: the mixture of evidence, shape `(rows, alternatives)`.
        starts: of the mixture that are open, at least the first.
        proof: the products of the reversed test, shape `(rows, its alternatives)`.
        proven: largest value of the proof so far, per row.
        past: stable before the block that comes next.
    """

    rounds: int
    logs: Array
    starts: int
    proof: Array
    proven: Array
    past: Past


class Judgement(NamedTuple):
    """Everything known of one rate. Make it with `begin`.

    Counts are arrays of requests, then bad requests per row.

    Attributes:
        policy: pinned for the rollout.
        reader: how far the counters were read.
        weights: changes of the canary's share, ascending.
        streams: the evidence; its value is their mean where the arms are apart, else the first.
        canary: all that was judged of the canary.
        stable: all that was judged of stable.
        step_canary: of it, since the newest weight.
        step_stable: of it, since the newest weight.
        round: the next round to be cut (arms apart).
        waiting: stable's counts and their end, not yet in the past (arms together).
        trail: the evidence after each block of the newest fold.
    """

    policy: RatePolicy
    reader: Reader
    weights: tuple[Weight, ...]
    streams: tuple[Stream, ...]
    canary: Array
    stable: Array
    step_canary: Array
    step_stable: Array
    round: int | None = None
    waiting: tuple[tuple[float, Array], ...] = ()
    trail: Trail = ()

    @property
    def row_evidence(self) -> Array:
        """Natural logarithm of the evidence, per row: at most 0 before `min_errors` bad requests."""
        fine = mixture.values(self.streams[0].logs, self.streams[0].starts)
        if self.reader.separate:
            coarse = mixture.values(self.streams[1].logs, self.streams[1].starts)
            fine = np.logaddexp(fine, coarse) + _LOG_HALF
        return np.where(self.canary[1:] >= self.policy.min_errors, fine, np.minimum(fine, 0.0))

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the evidence: of the mean over the rows."""
        return float(mixture.mean_exp(self.row_evidence))

    @property
    def row_proof(self) -> Array:
        """Natural logarithm of the largest proof so far, per row."""
        return self.streams[1 if self.reader.separate else 0].proven

    @property
    def log_proof(self) -> float:
        """Natural logarithm of the proof: every row that has to be proven is."""
        return float(self.row_proof[self.policy.first_proven :].min())


KEPT_ROUNDS = 2 * COARSE
"""Rounds before the coarse block in work whose increments are kept."""


def begin(policy: RatePolicy, anchor: float) -> Judgement:
    """A judgement that has seen nothing.

    Args:
        policy: what to look for.
        anchor: the rollout's start, Unix seconds, the same again in every replay. What windows show
            of the time before tells stable's usual rates: an hour of it is best.
    """
    past = no_past(anchor, policy.rows)
    logs = mixture.fresh(policy.rows, len(policy.odds))
    proof, proven = np.zeros((policy.rows, len(BETTER))), np.zeros(policy.rows)
    nothing = np.zeros(policy.cells)
    return Judgement(
        policy,
        begin_reading(anchor, policy.cells),
        weights=(),
        streams=tuple(Stream(rounds, logs, 1, proof, proven, past) for rounds in (1, COARSE)),
        canary=nothing,
        stable=nothing,
        step_canary=nothing,
        step_stable=nothing,
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
    nothing = np.zeros(judgement.policy.cells)
    weights = (*judgement.weights, change)
    return judgement._replace(weights=weights, step_canary=nothing, step_stable=nothing)


def counted(judgement: Judgement, start: float, canary: Array, stable: Array, **change: Any) -> Judgement:
    """The judgement with requests since `start` added to its totals, and with other fields changed."""
    step = judgement.weights[-1].time if judgement.weights else judgement.reader.anchor
    change |= {"canary": judgement.canary + canary, "stable": judgement.stable + stable}
    if start >= step:
        change |= {"step_canary": judgement.step_canary + canary, "step_stable": judgement.step_stable + stable}
    return judgement._replace(**change)


def weigh(judgement: Judgement, stream: Stream, against: Block | None, favour: Block | None) -> Stream:
    """The stream after one more block; its past must hold nothing of the block.

    Args:
        judgement: whose stream it is.
        stream: the one of before.
        against: the block as the evidence sees it, None for none.
        favour: the block as the proof sees it, None for none.
    """
    policy = judgement.policy
    harm = fit(against, judgement.weights) if against else None
    good = fit_proof(favour, judgement.weights) if favour else None
    split = len(policy.odds)
    if harm is good:
        found = _e_values(policy, stream.past, harm, slice(None))
        worse_by, better_by = found[:, :split], found[:, split:]
    else:
        worse_by = _e_values(policy, stream.past, harm, slice(split))
        better_by = _e_values(policy, stream.past, good, slice(split, None))
    starts = max(stream.starts, _starts(judgement, harm.end)) if harm else stream.starts
    logs = mixture.opened(stream.logs, stream.starts, starts) + worse_by
    proof = stream.proof + better_by
    proven = np.maximum(stream.proven, mixture.mean_exp(proof)) if good else stream.proven
    return Stream(stream.rounds, logs, starts, proof, proven, stream.past)


def _e_values(policy: RatePolicy, past: Past, block: Block | None, columns: slice) -> Array:
    """Logarithms of the block's e-values for some of the policy's columns, tempered; zeros without a block."""
    factors, rhos, deltas = (column[columns] for column in policy.columns)
    if block is None:
        return np.zeros((policy.rows, len(factors)))
    b1 = past.rates[:, None]
    split = len(factors) if columns.stop else len(factors) - len(BETTER)
    a1 = np.empty((policy.rows, len(factors)))
    a1[:, :split] = worse(b1, policy.rho, policy.delta, factors[:split])
    a1[:, split:] = factors[split:] * (b1 if policy.rho else policy.delta)
    found = log_e_values(block.n_c, block.x_c[:, None], block.n_s, block.x_s[:, None], a1, b1, rhos, deltas)
    tempered: Array = found / past.dispersion(policy.dispersion)[:, None]
    return tempered


def _starts(judgement: Judgement, time: float) -> int:
    regular = floor(max(0.0, time - judgement.reader.anchor) / judgement.policy.restart)
    return 1 + regular + sum(weight.time < time for weight in judgement.weights)
