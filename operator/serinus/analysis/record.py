"""A trial in the few numbers that status keeps, and the way back after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

import numpy as np

from .blocks import COARSE
from .judgement import KEPT_ROUNDS, Judgement, Stream
from .means import MeanPolicy, means_from_record, means_record, observations
from .past import Past
from .policy import RatePolicy
from .samples import Window
from .trial import Latch, Policy, Test, Trial, add_test, begin_trial, reweigh_trial, take_in
from .weights import Weight

_ROUNDED = 1e-6
Record: TypeAlias = dict[str, Any]
"""Made of what JSON and Lua know: dicts, lists, strings, numbers and booleans.

What is None is left out. Argo CD's actions are Lua, which has no null: they would take an entry that is one away,
by a patch of the status beside the operator's.
"""


def trial_record(trial: Trial) -> Record:
    """The record of a trial: about 2 KB for an error rate, 1 KB more for each bound of a histogram."""
    latch = trial.latch
    record = {
        "alpha": trial.alpha,
        "anchor": trial.anchor,
        "names": list(trial.names),
        "weights": [[weight.time, weight.share] for weight in trial.weights],
        "latest": dict(trial.latest),
        "latch": latch and [latch.time, latch.log_evidence, latch.name],
        "tests": {name: _known(_from_test(test)) for name, test in trial.tests.items()},
    }
    return _known(record)


def trial_from_record(record: Record) -> Trial:
    """The trial that a record was made of, ready for windows from its tests' `reader.since` on.

    Raises:
        ValueError: the record is not one of `trial_record`.
    """
    try:
        trial = _empty(record)
        tests = {name: _test(trial.tests[name], entry) for name, entry in record["tests"].items()}
        return trial._replace(tests=tests, latest={**trial.latest, **record["latest"]})
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        msg = f"record is damaged: {error!r}"
        raise ValueError(msg) from error


def recover_trial(record: Record, windows: Mapping[str, Window], weights: tuple[Weight, ...] = ()) -> Trial:
    """The trial after a restart of the operator.

    Each test is computed again from what the windows hold since the rollout's anchor: as good as
    never having been away. Where they hold less than the record had seen, because Prometheus has
    forgotten, the record is continued with them: it is the floor.

    Args:
        record: from `trial_record`.
        windows: best from an hour before the rollout's anchor on.
        weights: changes of the canary's share; those after the record's newest are added.

    Raises:
        ValueError: as `trial_from_record`.
    """
    kept, again = trial_from_record(record), _empty(record)
    newest = kept.weights[-1].time if kept.weights else float("-inf")
    for weight in weights:
        if weight.time > newest:
            kept = reweigh_trial(kept, weight.time, weight.share)
            again = reweigh_trial(again, weight.time, weight.share)
    known = {name: window for name, window in windows.items() if name in kept.tests}
    pinned = {name: _as_before(kept.tests[name], window) for name, window in known.items()}
    before, kept, again = kept, take_in(kept, pinned), take_in(again, pinned)
    whole = {
        name
        for name, test in again.tests.items()
        if _seen(test) >= _seen(kept.tests[name]) and test.log_proof >= before.tests[name].log_proof - _ROUNDED
    }
    if whole == set(kept.tests):
        return again
    tests = {name: again.tests[name] if name in whole else test for name, test in kept.tests.items()}
    latest = {**kept.latest, **{name: again.latest[name] for name in whole}}
    return kept._replace(tests=tests, latest=latest, latch=kept.latch or again.latch)


def _empty(record: Record) -> Trial:
    """A trial with the same tests, weights and latch that has seen nothing."""
    trial = begin_trial(dict.fromkeys(record["names"]), record["alpha"], record["anchor"])
    for time, share in record["weights"]:
        trial = reweigh_trial(trial, time, share)
    for name, entry in record["tests"].items():
        trial = add_test(trial, name, _policy(entry["policy"]))
    latch = record.get("latch")
    return trial._replace(latch=Latch(*latch) if latch else None)


def _policy(entry: Record) -> Policy:
    told: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return RatePolicy(**told) if "rho" in told else MeanPolicy(**told)


def _as_before(test: Test, window: Window) -> Window:
    interval = test.reader.interval
    return window if interval is None else replace(window, interval=interval)


def _seen(test: Test) -> float:
    if isinstance(test, Judgement):
        return float(test.canary[0] + test.stable[0])
    return observations(test)


def _known(record: Record) -> Record:
    return {key: value for key, value in record.items() if value is not None}


def _from_test(test: Test) -> Record:
    if not isinstance(test, Judgement):
        return {**means_record(test), "policy": _from_policy(test.policy)}
    reader = test.reader
    recorded = test.streams if reader.separate else test.streams[:1]
    return {
        "policy": _from_policy(test.policy),
        "interval": reader.interval,
        "separate": reader.separate,
        "cursors": dict(reader.cursors),
        "streams": [_from_stream(stream) for stream in recorded],
        "canary": [_numbers(test.canary), _numbers(test.step_canary)],
        "stable": [_numbers(test.stable), _numbers(test.step_stable)],
        "round": test.round,
        "waiting": [[end, _numbers(counts)] for end, counts in test.waiting],
    }


def _from_policy(policy: Policy) -> Record:
    """The policy's own fields: numbers and tuples of them, which need no deep copy."""
    return {field.name: getattr(policy, field.name) for field in fields(policy)}


def _from_stream(stream: Stream) -> Record:
    past = stream.past
    return {
        "logs": _numbers(stream.logs),
        "starts": stream.starts,
        "proof": _numbers(stream.proof),
        "proven": _numbers(stream.proven),
        "past": [past.time, _numbers(past.counts), _numbers(past.spread), _numbers(past.expected)],
        "rounds": [[number, _numbers(counts)] for number, counts in past.rounds],
    }


def _test(empty: Test, entry: Record) -> Test:
    if not isinstance(empty, Judgement):
        return means_from_record(empty.policy, entry)
    recorded = entry["streams"]
    streams = tuple(
        _stream(stream, recorded[index]) if index < len(recorded) else stream
        for index, stream in enumerate(empty.streams)
    )
    reader = empty.reader._replace(
        interval=entry.get("interval"), separate=entry.get("separate"), cursors=dict(entry["cursors"])
    )
    return empty._replace(
        reader=reader._replace(resume=_resume(empty, entry)),
        streams=streams,
        canary=np.array(entry["canary"][0]),
        stable=np.array(entry["stable"][0]),
        step_canary=np.array(entry["canary"][1]),
        step_stable=np.array(entry["stable"][1]),
        round=entry.get("round"),
        waiting=tuple((end, np.array(counts)) for end, counts in entry["waiting"]),
    )


def _resume(empty: Judgement, entry: Record) -> float | None:
    """Where the next window must begin: the increments that open blocks need are read again."""
    interval, anchor = entry.get("interval"), empty.reader.anchor
    if interval is None:
        return None
    if entry.get("separate"):
        first = (entry.get("round") or 0) // COARSE * COARSE
        return float(anchor + (first - KEPT_ROUNDS) * interval)
    return float(min(entry["cursors"].values(), default=anchor) - 2 * interval)


def _stream(empty: Stream, entry: Record) -> Stream:
    time, counts, spread, expected = entry["past"]
    rounds = tuple((number, np.array(told)) for number, told in entry.get("rounds", ()))
    logs = np.array(entry["logs"])
    if logs.shape != empty.logs.shape:
        msg = f"record has alternatives of shape {logs.shape}, the policy {empty.logs.shape}"
        raise ValueError(msg)
    past = Past(time, np.array(counts), np.array(spread), np.array(expected), rounds)
    return empty._replace(
        logs=logs,
        starts=int(entry["starts"]),
        proof=np.array(entry["proof"]),
        proven=np.array(entry["proven"]),
        past=past,
    )


def _numbers(array: np.ndarray) -> list[Any]:
    """The array as nested lists of numbers with ten digits: status is bounded."""
    return [float(f"{value:.10g}") for value in array] if array.ndim == 1 else [_numbers(row) for row in array]
