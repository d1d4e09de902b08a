"""Go-style durations and RFC 3339 times, to seconds and back."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from serinus.api import durations, timestamps
from serinus.api.durations import Duration
from serinus.api.timestamps import ConditionTime, Timestamp

MONTH = 31 * 24 * 3600
duration, timestamp, condition_time = TypeAdapter(Duration), TypeAdapter(Timestamp), TypeAdapter(ConditionTime)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("30s", 30), ("1m30s", 90), ("1h", 3600), ("250ms", 0.25), ("1.5h", 5400), ("1h1m1s1ms", 3661.001),
     ("90m", 5400), ("744h", MONTH), ("1m1m", 120)],
)  # fmt: skip
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert duration.validate_python(text) == pytest.approx(seconds)
    assert re.fullmatch(durations.PATTERN, text)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-5s", "5 s", "5d", "1e3s", "5S", "five", "5s\n", "٣s", "1.s", ".5s", "infs", "nan"]
)
def test_a_text_that_is_no_duration_is_refused_with_a_good_one(text: str) -> None:
    with pytest.raises(ValidationError, match="write it like 30s, 5m or 1h30m"):
        duration.validate_python(text)


@pytest.mark.parametrize("value", ["744h1s", "99999999h", -1, MONTH + 1, math.inf, math.nan, None, [], {}])
def test_a_duration_has_bounds(value: object) -> None:
    with pytest.raises(ValidationError):
        duration.validate_python(value)


@given(st.integers(0, MONTH * 1000).map(lambda ms: ms / 1000))
def test_a_duration_survives_the_wire_to_the_millisecond(seconds: float) -> None:
    text = duration.dump_python(seconds)
    assert re.fullmatch(durations.PATTERN, text)
    assert len(text) <= 32
    assert duration.validate_python(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (3600, "1h"), (0.25, "250ms"), (1.5, "1500ms"), (86400, "24h")]
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert durations.render(seconds) == text


@given(st.integers(0, 4_102_444_800_000).map(lambda ms: ms / 1000))
def test_a_time_survives_the_wire_to_the_millisecond(at: float) -> None:
    text = timestamp.dump_python(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timestamp.validate_python(text) == pytest.approx(at, abs=0.001)
    assert timestamp.dump_python(timestamp.validate_python(text)) == text


@given(st.integers(0, 4_102_444_800))
def test_the_time_of_a_condition_has_whole_seconds(at: int) -> None:
    text = condition_time.dump_python(at + 0.75)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert condition_time.validate_python(text) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("2026-01-01T00:00:00.5Z", 1767225600.5)],
)
def test_a_time_is_read_in_any_zone(text: str, at: float) -> None:
    assert timestamps.parse(text) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "12:00"])
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        timestamp.validate_python(text)
