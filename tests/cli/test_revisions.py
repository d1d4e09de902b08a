"""`serinus history` and `serinus diff`, from records as the operator writes them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from serinus.api.status import Phase
from serinus.api.timestamps import render, render_seconds
from serinus.cli.trouble import Exit, Trouble
from serinus.cli.views import diff, history
from serinus.desired import labels
from tests.rollout.support import NEW, NEWER, NOW, OLD

from .models import NAME, at, facts, model


def record(revision: str, number: int, *, promoted: float | None = None, **data: Any) -> dict[str, Any]:
    runtime = {
        "image": f"r.example/recommender:1.{number}",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    return {
        "metadata": {
            "name": f"{NAME}-{revision}",
            "uid": "u",
            "labels": labels.child(NAME, revision),
            "annotations": {labels.PROMOTED_AT: render(promoted)} if promoted else {},
            "creationTimestamp": render_seconds(NOW - 1000 * (10 - number)),
        },
        "revision": number,
        "data": {
            "runtime": runtime,
            "configMaps": {},
            "template": {
                "metadata": {"labels": {labels.REVISION: revision}},
                "spec": {"containers": [{"name": "model", "image": runtime["image"]}]},
            },
            **data,
        },
    }


RECORDS = [
    record(NEW, 3, model={"uri": "models:/m/3"}, resolved={"version": "3", "gitCommit": "4f2a9c1d5e"}),
    record(OLD, 2, promoted=NOW - 500),
    record(NEWER, 1, promoted=NOW - 5000),
]


def shown(renderable: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=200, markup=False, highlight=False).print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_each_revision_says_how_it_stands_and_why_it_ended() -> None:
    back = history.entries(facts(model(at(Phase.ROLLED_BACK))), RECORDS)
    assert [(entry.number, entry.state, entry.reason) for entry in back] == [
        (3, "taken back", "ErrorRateTooHigh"), (2, "stable", ""), (1, "replaced", ""),
    ]  # fmt: skip
    assert back[0].model == {"uri": "models:/m/3", "version": "3", "gitCommit": "4f2a9c1d5e"}
    stepping = history.entries(facts(model(at(Phase.STEPPING))), RECORDS)
    assert [(entry.state, entry.share) for entry in stepping] == [("canary", 5), ("stable", 95), ("replaced", None)]
    watching = history.entries(facts(model(at(Phase.WATCHING))), RECORDS)
    assert [(entry.state, entry.share) for entry in watching] == [("stable", 95), ("previous", 5), ("replaced", None)]
    resting = history.entries(facts(model(at(Phase.STABLE))), RECORDS)
    assert [(entry.state, entry.share) for entry in resting] == [
        ("never promoted", None),
        ("stable", 100),
        ("replaced", None),
    ]


def test_the_table_of_revisions() -> None:
    text = shown(history.table(history.entries(facts(model(at(Phase.ROLLED_BACK))), RECORDS), NOW))
    assert text.splitlines() == [
        "#  revision    state         image            model  commit    data  made       promoted   why",
        "3  bbbbbbbbbb  taken back    recommender:1.3  3      4f2a9c1d        1h56m ago             ErrorRateTooHigh: 9 of 10 failed",
        "2  aaaaaaaaaa  stable 100 %  recommender:1.2                         2h13m ago  8m20s ago",
        "1  cccccccccc  replaced      recommender:1.1                         2h30m ago  1h23m ago",
    ]


def test_history_for_machines_leaves_out_what_is_not_known() -> None:
    found = history.told(history.entries(facts(model(at(Phase.ROLLED_BACK))), RECORDS))
    assert found[0]["reason"] == "ErrorRateTooHigh"
    assert "promotedAt" not in found[0]
    assert found[2] == {
        "number": 1,
        "revision": NEWER,
        "state": "replaced",
        "image": "r.example/recommender:1.1",
        "madeAt": render(NOW - 9000),
        "promotedAt": render(NOW - 5000),
    }


PAIRS: list[tuple[tuple[str, ...], Phase, tuple[str, str]]] = [
    ((), Phase.STEPPING, (OLD, NEW)),
    ((), Phase.WATCHING, (OLD, NEW)),
    ((), Phase.ROLLED_BACK, (OLD, NEW)),
    ((), Phase.STABLE, (NEWER, OLD)),
    (("1",), Phase.STABLE, (OLD, NEWER)),
    (("#1", "canary"), Phase.STEPPING, (NEWER, NEW)),
    (("ccc", "stable"), Phase.STEPPING, (NEWER, OLD)),
    (("previous", "stable"), Phase.WATCHING, (OLD, NEW)),
]


@pytest.mark.parametrize(("words", "phase", "expected"), PAIRS)
def test_which_revisions_are_compared(words: tuple[str, ...], phase: Phase, expected: tuple[str, str]) -> None:
    found = facts(model(at(phase)))
    failed = (found.rollout.get("failed") or [{}])[-1].get("revision", "")
    pair = diff.pair(words, found, RECORDS, failed)
    assert tuple(one["metadata"]["labels"][labels.REVISION] for one in pair) == expected


UNKNOWN: list[tuple[tuple[str, ...], list[dict[str, Any]], str]] = [
    (("zzz",), RECORDS, "'zzz' is no revision of recommender: there are"),
    (("canary",), RECORDS, "has no canary now"),
    ((), RECORDS[1:2], "no two revisions to compare"),
    (("a",), [*RECORDS, record("aa00000000", 4)], "could be aa00000000 or aaaaaaaaaa"),
]


@pytest.mark.parametrize(("words", "records", "told"), UNKNOWN)
def test_a_revision_that_cannot_be_told_says_what_there_is(words: tuple[str, ...], records: Any, told: str) -> None:
    with pytest.raises(Trouble, match=told) as caught:
        diff.pair(words, facts(model(at(Phase.STABLE))), records, "")
    assert caught.value.exit_code == Exit.UNFIT


def test_fields_are_compared_and_items_go_by_their_names() -> None:
    after = record(NEW, 3, configMaps={"settings": {"data": {"a.yaml": "x: 1\ny: 2\n"}}})
    before = record(OLD, 2, configMaps={"settings": {"data": {"a.yaml": "x: 1\ny: 3\n"}}})
    after["data"]["runtime"]["env"] = [{"name": "B", "value": "5"}, {"name": "A", "value": "1"}]
    assert shown(diff.text(diff.changes(before, after, pods=False))).splitlines() == [
        "runtime.image",
        "  - r.example/recommender:1.2",
        "  + r.example/recommender:1.3",
        "runtime.env[B].value",
        "  - 2",
        "  + 5",
        "configMaps.settings.data.a.yaml",
        "    x: 1",
        "  - y: 3",
        "  + y: 2",
    ]


def test_pods_are_compared_when_asked_for_without_their_own_names() -> None:
    changed = diff.changes(RECORDS[1], RECORDS[0], pods=True)
    fields = [one.field for one in changed]
    assert "template.spec.containers[model].image" in fields
    assert not any(labels.REVISION in field for field in fields)


def test_equal_revisions_have_no_changes() -> None:
    assert diff.changes(RECORDS[0], RECORDS[0], pods=True) == []
