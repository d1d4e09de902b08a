"""A judgement in the few numbers that status keeps, and the way back after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from .fold import fold
from .judgement import Judgement, Latch, Stream, begin, reweigh
from .mixture import Mixture
from .past import DispersionSource, Past
from .policy import ErrorRatePolicy
from .samples import Tally, Window
from .weights import Weight

Record: TypeAlias = dict[str, Any]
"""Made of what JSON knows: dicts, lists, strings, numbers, booleans and None."""


def to_status(judgement: Judgement) -> Record:
    """The record of a judgement, about 1.5 KB. The policy is not part of it."""
    latch = judgement.latch
    recorded = judgement.streams if judgement.separate else judgement.streams[:1]
    return {
        "anchor": judgement.anchor,
        "history": list(judgement.history),
        "weights": [[weight.time, weight.share] for weight in judgement.weights],
        "interval": judgement.interval,
        "separate": judgement.separate,
        "streams": [_from_stream(stream) for stream in recorded],
        "canary": [*judgement.canary, *judgement.step_canary],
        "stable": [*judgement.stable, *judgement.step_stable],
        "round": judgement.round,
        "cursors": dict(judgement.cursors),
        "waiting": [list(entry) for entry in judgement.waiting],
        "latch": None
        if latch is None
        else {
            "time": latch.time,
            "logEvidence": latch.log_evidence,
            "canary": list(latch.canary),
            "stable": list(latch.stable),
            "dispersion": latch.dispersion,
            "source": latch.source.value,
        },
    }


def from_status(policy: ErrorRatePolicy, record: Record) -> Judgement:
    """The judgement that a record was made of, ready for windows from its `since` on.

    Raises:
        ValueError: the record is not one of `to_status` under a policy with as many alternatives.
    """
    try:
        return _judgement(policy, record)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        msg = f"record is damaged: {error!r}"
        raise ValueError(msg) from error


def recover(policy: ErrorRatePolicy, record: Record, window: Window, weights: Sequence[Weight] = ()) -> Judgement:
    """The judgement after a restart of the operator.

    The evidence is computed again from what the window holds since the rollout's anchor, and the
    record is continued with it; the first is as good as never having been away, the second is the
    floor for what Prometheus no longer holds. The one that failed first, else the one with more
    evidence, goes on.

    Args:
        policy: the one of before.
        record: from `to_status`.
        window: best from an hour before the rollout's anchor on.
        weights: changes of the canary's share; those after the record's newest are added.

    Raises:
        ValueError: as `from_status`.
    """
    kept = from_status(policy, record)
    newest = kept.weights[-1].time if kept.weights else float("-inf")
    for weight in weights:
        if weight.time > newest:
            kept = reweigh(kept, weight.time, weight.share)
    again = begin(policy, kept.anchor, kept.history)
    for weight in kept.weights:
        again = reweigh(again, weight.time, weight.share)
    if kept.interval is not None:
        window = replace(window, interval=kept.interval)
    again, kept = fold(again, window), fold(kept, window)
    if again.latch and kept.latch:
        return again if again.latch.time <= kept.latch.time else kept
    if again.latch or kept.latch:
        return again if again.latch else kept
    return again if again.log_evidence >= kept.log_evidence else kept


def _from_stream(stream: Stream) -> Record:
    past = stream.past
    return {
        "logs": list(stream.mixture.logs),
        "starts": stream.mixture.starts,
        "past": [past.time, past.requests, past.errors, past.spread, past.expected],
    }


def _judgement(policy: ErrorRatePolicy, record: Record) -> Judgement:
    empty = begin(policy, float(record["anchor"]), Tally(*record["history"]))
    canary, stable, latch = record["canary"], record["stable"], record["latch"]
    recorded = record["streams"]
    streams = tuple(
        _stream(stream, recorded[index]) if index < len(recorded) else stream
        for index, stream in enumerate(empty.streams)
    )
    return replace(
        empty,
        weights=tuple(Weight(time, share) for time, share in record["weights"]),
        interval=record["interval"],
        separate=record["separate"],
        streams=streams,
        canary=Tally(*canary[:2]),
        stable=Tally(*stable[:2]),
        step_canary=Tally(*canary[2:]),
        step_stable=Tally(*stable[2:]),
        round=record["round"],
        cursors=dict(record["cursors"]),
        waiting=tuple((end, requests, errors) for end, requests, errors in record["waiting"]),
        latch=None if latch is None else _latch(latch),
    )


def _stream(stream: Stream, record: Record) -> Stream:
    logs = tuple(float(value) for value in record["logs"])
    if len(logs) != len(stream.mixture.logs):
        msg = f"record has {len(logs)} alternatives, the policy {len(stream.mixture.logs)}"
        raise ValueError(msg)
    return Stream(stream.rounds, Mixture(logs, int(record["starts"])), Past(*record["past"]))


def _latch(record: Record) -> Latch:
    return Latch(
        record["time"],
        record["logEvidence"],
        Tally(*record["canary"]),
        Tally(*record["stable"]),
        record["dispersion"],
        DispersionSource(record["source"]),
    )
