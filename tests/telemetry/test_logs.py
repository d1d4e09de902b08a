"""Logs are one JSON object per line, or text, from the level on that was set."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from serinus.telemetry import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_holds_what_was_passed_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("serinus.test").info("Stepped", extra={"weight": 5})
    logging.getLogger("serinus.test").debug("not this")
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"], told["weight"]) == ("info", "serinus.test", "Stepped", 5)


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "text")
    logging.getLogger("serinus.test").debug("Looked")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("DEBUG    serinus.test: Looked")


def test_a_level_leaves_out_what_is_below(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logging.getLogger("serinus.test").info("not this")
    logging.getLogger("serinus.test").warning("this")
    assert len(capsys.readouterr().out.splitlines()) == 1
