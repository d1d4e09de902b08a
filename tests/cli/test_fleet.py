"""The list of many models."""

from __future__ import annotations

from typing import Any

import pytest

from serinus.cli.views import fleet
from serinus.cli.views.fleet import Need

HEADERS = ("Name", "Ready", "Phase", "Stable", "Canary", "Weight", "Age", "Reason", "URL", "Namespace")


def table(*rows: tuple[Any, ...]) -> dict[str, Any]:
    """Return what the API server answers; a row that is one cell short is of the namespace ml."""
    return {
        "columnDefinitions": [{"name": header} for header in HEADERS],
        "rows": [{"cells": [*row, "ml"][: len(HEADERS)]} for row in rows],
    }


STABLE = ("churn", "True", "Stable", "4c1f0a9be2", None, 0, "2d", "Stable", None)
STEPPING = ("fraud", "False", "Stepping", "4c1f0a9be2", "9d27b6e013", 25, "5m", "Stepping", None)
BLIND = ("ads", "False", "Stepping", "4c1f0a9be2", "9d27b6e013", 5, "5m", "AnalysisBlind", None)
BACK = ("search", "False", "RolledBack", "4c1f0a9be2", None, 0, "5m", "ErrorRateTooHigh", None)
REFUSED = ("shop", "False", "Stable", "4c1f0a9be2", None, 0, "5m", "InvalidSpec", None)
NEWBORN = ("zoo", None, None, None, None, None, "1s", None, None)


@pytest.mark.parametrize(
    ("row", "need"),
    [
        (STABLE, Need.RESTING),
        (STEPPING, Need.MOVING),
        (BLIND, Need.HELD),
        (BACK, Need.FAILED),
        (REFUSED, Need.FAILED),
        (NEWBORN, Need.MOVING),
        (("a", "False", "Stable", "x", None, 0, "1m", "Stable", None), Need.FAILED),
        (("a", "False", "Initializing", "x", None, 0, "1m", "Initializing", None), Need.MOVING),
        (("a", "False", "Initializing", "x", None, 0, "1m", "ProgressDeadlineExceeded", None), Need.FAILED),
    ],
)
def test_what_needs_somebody(row: tuple[Any, ...], need: Need) -> None:
    assert fleet.rows(table(row))[0].need is need


def test_the_list_is_in_columns_and_says_nothing_of_empty_cells() -> None:
    lines = fleet.listed(fleet.rows(table(STEPPING, STABLE, NEWBORN)), spaces=False, paint=lambda text, _: text)
    assert lines == [
        "NAME    READY   PHASE      STABLE       CANARY       WEIGHT   REASON     AGE",
        "churn   True    Stable     4c1f0a9be2                0        Stable     2d",
        "fraud   False   Stepping   4c1f0a9be2   9d27b6e013   25       Stepping   5m",
        "zoo                                                                      1s",
    ]


def test_namespaces_are_shown_where_there_are_several() -> None:
    found = fleet.rows(table(STABLE, (*BACK, "ads")))
    lines = fleet.listed(found, spaces=True, paint=lambda text, _: text)
    assert [line.split()[:2] for line in lines] == [["NAMESPACE", "NAME"], ["ads", "search"], ["ml", "churn"]]


def test_objects_tell_their_namespaces_where_the_crd_is_older() -> None:
    row = {"cells": list(STABLE), "object": {"metadata": {"namespace": "ml"}}}
    older = {"columnDefinitions": [{"name": header} for header in HEADERS[:-1]], "rows": [row]}
    assert [(row.namespace, row.name) for row in fleet.rows(older)] == [("ml", "churn")]
    older["rows"] = [{"cells": list(STABLE), "object": None}]  # as the API server says that it left it out
    assert [(row.namespace, row.name) for row in fleet.rows(older)] == [("", "churn")]


def test_those_in_need_come_first_and_have_colours() -> None:
    rows = fleet.urgent(fleet.rows(table(STABLE, STEPPING, BLIND, BACK, REFUSED)))
    assert [row.name for row in rows] == ["search", "shop", "ads", "fraud", "churn"]
    colours: list[str] = []
    fleet.listed(rows, spaces=False, paint=lambda text, colour: colours.append(colour) or text)
    assert colours == ["red", "red", "yellow", "cyan"]


def test_the_summary_counts() -> None:
    rows = fleet.rows(table(STABLE, STEPPING, BLIND, BACK, REFUSED))
    assert (
        fleet.summary(rows, lambda text, _: text)
        == "5 models: ✗ 2 in trouble · ! 1 held up · ▸ 1 under way · ✓ 1 at rest"
    )
    assert fleet.summary(rows[:1], lambda text, _: text) == "1 model: ! 1 held up"


def test_no_models_say_what_to_do() -> None:
    assert fleet.rows({"columnDefinitions": [], "rows": None}) == []
    assert "-A" in fleet.none("ml")
    assert "serinus init" in fleet.none("")
