"""The parts of the demo that need no cluster."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from demo import images, install, site
from demo.__main__ import main
from demo.closing import check, disagreements, summary
from demo.counters import Counters, PodCount
from demo.picture import draw
from demo.prometheus import samples
from demo.record import TAKEN_BACK, Act, Record, document
from demo.scene import Evidence, Happening, Scene
from demo.screen import Screen
from demo.trouble import Trouble
from demo.view import Frame, text
from load import Answer, Load, Plan, Target

BEGAN = 1_000_000.0
V2, V3 = "aaaaaaaaaa", "bbbbbbbbbb"


def model(phase: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": 3},
        "status": {
            "observedGeneration": 3,
            "phase": phase,
            "stable": {"revision": V2, "image": "x/recommender:2.0.0", "replicas": 3, "readyReplicas": 3},
            "canary": {"revision": V3, "image": "x/recommender:3.0.0", "replicas": 2, "readyReplicas": 2},
            "rollout": {"control": V2},
            **status,
        },
    }


def route(**weights: int) -> dict[str, Any]:
    backends = [{"name": f"recommender-{revision}", "weight": weight} for revision, weight in weights.items()]
    return {"spec": {"rules": [{"backendRefs": backends}]}}


@pytest.fixture
def record() -> Record:
    """v3 at 10 % from second 5 on, its first failure at 8, weight 0 at 12."""
    scene = Scene()
    verdict = {"name": "error-rate", "evidence": 120.0, "threshold": 100.0, "canaryErrors": 3, "canaryRequests": 9}
    scene.take_model(model("Stepping", step="1/2", metrics=[verdict]), BEGAN + 5)
    for at, weights in ((0, {V2: 100}), (5, {V2: 90, V3: 10}), (12, {V2: 100, V3: 0})):
        scene.take_route("recommender", route(**weights), BEGAN + at)
        scene.take_route("recommender", route(**weights), BEGAN + at + 1)
    scene.evidence += [Evidence(BEGAN + 3, 7e9, 100.0), Evidence(BEGAN + 10, 50.0, 100.0)]
    scene.happenings.append(Happening(BEGAN + 12, "ErrorRateTooHigh", "3 of 9", warning=True))
    load = Load(Plan(Target("http://127.0.0.1:1", "h")))
    for number, (at, version, fault) in enumerate(
        [(1, "2", False), (8, "3", True), (9, "3", False), (12.5, "3", True)]
    ):
        load.journal.add(Answer(number, BEGAN + at - 0.1, 0.1, "GET", False, 500 if fault else 200, "", version, fault))
    counters = Counters(SimpleNamespace(), "demo", "a=b", 8000)  # type: ignore[arg-type]
    counters.known = {"u": PodCount("pod-3", "3", faults=2, read_at=BEGAN + 13), "w": PodCount("pod-2", "2")}
    act = Act(3, TAKEN_BACK, "x/recommender:3.0.0", BEGAN + 4, BEGAN + 20, V3, TAKEN_BACK)
    act.status = {"message": "", "verdict": scene.verdict}
    return Record({}, scene, counters, load, BEGAN, [act])


def test_the_time_to_safety_is_from_the_first_failed_answer_to_weight_0(record: Record) -> None:
    times = record.timings(record.acts[0])
    assert (times["firstFailedAnswer"], times["weightZero"], times["secondsToWeightZero"]) == (8, 12, 4)
    assert times["secondsToLastAnswer"] == 4.5
    assert [split.at - BEGAN for split in record.scene.splits] == [0, 5, 12]


def test_a_story_that_kept_its_promises_has_no_problems(record: Record) -> None:
    check(record)
    assert record.problems == []
    told = summary(record)
    assert "weight 0 after 4.0 s, last answer after 4.5 s" in told
    assert "2 seen by the client, 2 counted by the models" in told
    assert "evidence up to 120 of 100" in told


def test_every_other_failure_is_a_problem(record: Record) -> None:
    record.load.journal.add(Answer(9, BEGAN + 14, 0.1, "GET", False, 503))
    check(record)
    assert record.problems == ["1 requests failed other than on purpose: 1 x 503"]


def test_a_difference_between_client_and_model_is_told_and_explained(record: Record) -> None:
    count = record.counters.known["u"]
    count.faults = 1
    assert "this is a defect" in disagreements(record.load.journal, record.counters)[0]
    count.read_at = BEGAN + 12
    assert "pod-3 could not be read after the last answer" in disagreements(record.load.journal, record.counters)[0]


def test_counts_go_on_over_a_restart_of_the_container() -> None:
    count = PodCount("pod")
    for faults, requests in ((1, 10), (3, 40), (0, 5), (2, 9)):
        count.take(faults, requests, 0.0)
    assert (count.faults, count.requests) == (5, 49)


def test_evidence_belongs_to_the_version_that_had_traffic(record: Record) -> None:
    made = document(record)
    assert made["evidence"] == [{"at": 10, "version": "v3", "evidence": 50.0, "threshold": 100.0}]
    assert made["weights"][1] == {"at": 5, "weights": {"v2": 90, "v3": 10}}
    assert made["acts"][0]["peakEvidence"] == 120


def test_the_picture_is_xml(record: Record) -> None:
    words = "".join(ET.fromstring(draw(document(record))).itertext())  # noqa: S314 - our own
    assert "v3: weight 0 4.0 s after its first failed answer" in words


def test_the_view_keeps_its_height_and_a_log_only_grows(record: Record) -> None:
    now = BEGAN + 13
    empty, full = Frame(Scene(), None, BEGAN, now), Frame(record.scene, record.load, BEGAN, now)
    assert len(text(empty).splitlines()) == len(text(full).splitlines())
    assert "50 of 100" in text(full)
    out = io.StringIO()
    screen = Screen(out)
    for _ in range(3):
        screen.show(full)
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("Stepping step 1/2 | v2 100 %") == 1
    assert "ErrorRateTooHigh: 3 of 9" in out.getvalue()


def test_a_status_of_an_older_spec_decides_nothing() -> None:
    scene = Scene()
    scene.take_model(model("Stable", observedGeneration=2), BEGAN)
    assert scene.status == {}
    assert scene.last_status["phase"] == "Stable"


def test_samples_of_the_text_format() -> None:
    page = '# HELP x y\nx{a="1",b="q\\"}"} 2\nx_total 5 1700\nx 1e+09\n'
    assert [(s.labels, s.value) for s in samples(page, "x")] == [
        ({"a": "1", "b": 'q\\"}'}, 2),
        ({}, 1e9),
    ]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_the_overlay_goes_over_the_example_as_it_is(version: int) -> None:
    shipped = yaml.safe_load((install.EXAMPLES / f"v{version}.yaml").read_text())
    made = install.model(version)
    assert made["spec"]["runtime"] == shipped["spec"]["runtime"]
    assert made["spec"]["runtime"]["image"] == images.recommender(version).tag
    assert made["spec"]["route"] == {**shipped["spec"]["route"], "timeout": "10s"}


def test_build_arguments_become_defaults() -> None:
    text = (images.RECOMMENDER / "Containerfile").read_text()
    made = images.with_defaults(text, images.recommender(3).arguments)
    assert made.count("ARG VERSION=3\n") == text.count("ARG VERSION=1\n") == 2
    assert "ARG FAULT_RATE=0.05\n" in made
    with pytest.raises(Trouble, match="no ARG NOPE"):
        images.with_defaults(text, {"NOPE": "1"})


def test_what_the_cluster_tool_lacks_ends_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    cluster_tool(tmp_path, "raise SystemExit(2)")
    assert main(["--json", str(tmp_path / "demo.json")]) == 2
    assert "Traceback" not in capsys.readouterr().out
    assert not (tmp_path / "demo.json").exists()


def cluster_tool(folder: Path, body: str) -> None:
    (folder / "e2e" / "cluster").mkdir(parents=True)
    (folder / "e2e" / "cluster" / "__main__.py").write_text(body)


def test_a_cluster_of_ones_own_is_named_and_reached_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    known = dict.fromkeys(("kubeconfig", "context", "bin"), "x")
    cluster_tool(
        tmp_path,
        "import json, os, sys\n"
        "print(sys.argv[1:], file=sys.stderr)\n"
        f"print(json.dumps({known} | {{'gatewayUrl': os.environ.get('GATEWAY_URL', '')}}))\n",
    )
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setenv("CLUSTER", "current")
    monkeypatch.setenv("CONTEXT", "mine")
    with pytest.raises(Trouble, match="set GATEWAY_URL") as trouble:
        site.bring_up("serinus")
    assert trouble.value.code == 2
    assert "['info', '--current', '--context', 'mine']" in capfd.readouterr().err
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:8080")
    assert not site.bring_up("serinus").own
