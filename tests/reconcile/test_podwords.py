"""What status says of a pod that does not become ready."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serinus.reconcile import podwords
from serinus.reconcile.podwords import problem

WAITS = {"reason": "PodInitializing"}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=model"}}
NOT_FOUND = json.dumps({"reason": "NotFound", "message": "s3://models/churn: there is no such object"})


def pod(*containers: dict[str, Any], init: dict[str, Any] | None = None, limit: str | None = None) -> dict[str, Any]:
    resources = {"resources": {"limits": {"memory": limit}}} if limit else {}
    return {
        "spec": {
            "containers": [{"name": "model", **resources}],
            "initContainers": [{"name": "fetch-model", **resources}],
        },
        "status": {
            "initContainerStatuses": [{"name": "fetch-model", **init}] if init else [],
            "containerStatuses": [{"name": "model", "state": {"waiting": WAITS}}, *containers][-1:],
        },
    }


def ended(code: int, **parts: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **parts}}


def model(state: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"name": "model", "state": state, **parts}


OUT_OF_MEMORY = ended(137, reason="OOMKilled")
CASES: list[tuple[dict[str, Any], str]] = [
    (pod(), ""),
    (pod(model({"running": {}})), ""),
    (
        pod(init={"state": ended(3, reason="Error", message=f"trying\n{NOT_FOUND}")}),
        "fetch-model: exit code 3: NotFound: s3://models/churn: there is no such object",
    ),
    (
        pod(init={"state": BACK_OFF, "lastState": ended(3, reason="Error", message=NOT_FOUND)}),
        "fetch-model: CrashLoopBackOff: exit code 3: NotFound: s3://models/churn: there is no such object",
    ),
    (
        pod(init={"state": {"running": {}}, "lastState": ended(9, message='{"message": "no answer"}')}),
        "fetch-model: started again after: exit code 9: no answer",
    ),
    (pod(init={"state": ended(0, message="done")}), ""),
    (
        pod(model(BACK_OFF, lastState=ended(1, reason="Error", message="Traceback\n  File x\nValueError: a pickle\n"))),
        "model: CrashLoopBackOff: exit code 1: ValueError: a pickle",
    ),
    (pod(model(BACK_OFF)), "model: CrashLoopBackOff: back-off 5m0s restarting failed container=model"),
    (
        pod(model(BACK_OFF, lastState=OUT_OF_MEMORY), limit="1Gi"),
        "model: CrashLoopBackOff: OOMKilled, exit code 137: it needs more memory than its limit of 1Gi",
    ),
    (
        pod(model({"running": {}}, lastState=OUT_OF_MEMORY)),
        "model: started again after: OOMKilled, exit code 137: it needs more memory than its node has",
    ),
    (pod(model(ended(2, message="[1, 2]"))), "model: exit code 2: [1, 2]"),
    (pod(model(ended(2))), "model: exit code 2"),
    (pod(model({"waiting": {"reason": "ErrImagePull", "message": "no such tag"}})), "model: ErrImagePull: no such tag"),
]


@pytest.mark.parametrize(("found", "told"), CASES, ids=[told or "nothing" for _, told in CASES])
def test_a_pod_that_is_not_ready(found: dict[str, Any], told: str) -> None:
    assert problem(found, ready=False) == told


def test_a_ready_pod_that_once_restarted_is_no_problem() -> None:
    once = pod(model({"running": {}}, lastState=OUT_OF_MEMORY, restartCount=1))
    again = pod(model({"running": {}}, lastState=OUT_OF_MEMORY, restartCount=3))
    assert problem(once, ready=True) == ""
    assert "OOMKilled" in problem(again, ready=True), "the reason of a rollback for crash looping"


def test_a_pod_without_a_node() -> None:
    found = {
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU"}]
        }
    }
    assert problem(found, ready=False) == "Unschedulable: no GPU"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('{"reason": "Fetched", "message": "1 file", "dataVersion": "22a1"}', "22a1"),
        ('progress\n{"reason": "Fetched", "dataVersion": "22a1"}\n', "22a1"),
        ('{"reason": "Fetched", "message": "1 file"}', ""),
        ('{"dataVersion": "' + "a" * 200 + '"}', "a" * 128),
        ("[1]", ""),
        ("", ""),
    ],
)
def test_what_a_fetcher_tells_of_its_data(words: str, told: str) -> None:
    def fetched(**ended: Any) -> dict[str, Any]:
        state = {"terminated": {"exitCode": 0, "message": words, **ended}}
        return {"status": {"initContainerStatuses": [{"name": "fetch-model", "state": state}]}}

    assert podwords.data_version(fetched()) == told
    assert podwords.data_version(fetched(exitCode=1)) == ""
    assert podwords.data_version({}) == ""
