"""What a person may say of prediction logs."""

from __future__ import annotations

from typing import Any

import pytest

from serinus.reconcile.target import Refused, parse_spec

FULL = {
    "sample": 0.1,
    "stdout": True,
    "sink": "https://sink.logs/events?key=1",
    "batch": True,
    "redact": ["age", "e-mail address"],
    "maxBytes": 0,
}


def runtime(log: Any) -> dict[str, Any]:
    return {"runtime": {"image": "a:1", "port": 80, "predictionLog": log}}


def test_everything_survives_the_wire() -> None:
    log = parse_spec(runtime(FULL)).runtime.prediction_log
    assert log is not None
    assert log.model_dump(mode="json", by_alias=True) == FULL


@pytest.mark.parametrize(
    ("log", "lines"),
    [({}, 1), ({"sink": "http://a"}, 0), ({"sink": "http://a", "stdout": True}, 1), ({"sample": 0}, 1)],
)
def test_lines_are_written_unless_events_are_posted(log: dict[str, Any], lines: int) -> None:
    found = parse_spec(runtime(log)).runtime.prediction_log
    assert found is not None
    assert found.to_stdout == bool(lines)


@pytest.mark.parametrize(
    ("log", "where", "words"),
    [
        ({"stdout": False}, "spec.runtime.predictionLog: ", "there is no sink, so nothing is logged"),
        ({"batch": True}, "spec.runtime.predictionLog: ", "decides nothing without a sink"),
        ({"sample": 1.5}, "spec.runtime.predictionLog.sample: ", "less than or equal to 1"),
        ({"sink": "kafka://a"}, "spec.runtime.predictionLog.sink: ", "pattern"),
        ({"sink": "http://user:word@a/"}, "spec.runtime.predictionLog.sink: ", "pattern"),
        ({"redact": ["a,b"]}, "spec.runtime.predictionLog.redact", "pattern"),
        ({"redact": [" a"]}, "spec.runtime.predictionLog.redact", "pattern"),
        ({"maxBytes": -1}, "spec.runtime.predictionLog.maxBytes: ", "greater than or equal to 0"),
        ({"mode": "all"}, "spec.runtime.predictionLog.mode: ", "not permitted"),
    ],
)
def test_nonsense_is_refused_by_field(log: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_spec(runtime(log))
    assert where in str(refused.value)
    assert words in str(refused.value)


def test_grpc_alone_is_not_logged() -> None:
    with pytest.raises(Refused, match="only HTTP is logged, and grpcPort stands alone"):
        parse_spec({"runtime": {"image": "a:1", "grpcPort": 81, "predictionLog": {}}})
    assert parse_spec({"runtime": {"image": "a:1", "port": 80, "grpcPort": 81, "predictionLog": {}}})
