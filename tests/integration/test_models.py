"""A model instead of a container: the catalogue's runtimes, what is fetched, and what status tells of it."""

import itertools
import json
from typing import Any

import pytest

from serinus.settings import Settings

from .kube import Manifest
from .stand import NAME, Space, spec
from .waiting import PATIENCE, always, eventually

SERVER = Settings().server_image
MLSERVER = "seldonio/mlserver:1.7.1"
_numbers = itertools.count(1)


def uri() -> str:
    """Return the address of a model that no other test uses."""
    return f"s3://models/churn-{next(_numbers)}"


def body(
    address: str, version: str, *, route: bool = False, model: dict[str, Any] | None = None, **parts: Any
) -> Manifest:
    made = spec("unused", replicas=1, route=route, **parts)
    del made["runtime"]
    runtime = {"runtime": parts["runtime"]} if "runtime" in parts else {}
    return {**made, **runtime, "model": {"uri": address, "format": "sklearn", "version": version, **(model or {})}}


def at_version(space: Space, version: str, patience: float = PATIENCE) -> Manifest:
    return space.wait(
        lambda s: s.get("phase") == "Stable" and s["stable"].get("model", {}).get("version") == version,
        f"version {version} is stable",
        patience,
    )


def test_a_model_is_all_that_it_takes_and_a_new_version_is_a_canary(space: Space) -> None:
    first, second = uri(), uri()
    space.apply(body(first, "1", model={"gitCommit": "0123abc", "dataVersion": "md5:12/34"}))
    found = at_version(space, "1")
    assert found["stable"]["runtime"] == "serinus-server"
    assert found["stable"]["image"] == SERVER
    assert found["stable"]["model"] == {
        "uri": first, "format": "sklearn", "version": "1", "gitCommit": "0123abc", "dataVersion": "md5:12/34",
    }  # fmt: skip
    (pod,) = space.pods(found["stable"]["revision"])
    assert pod["metadata"]["labels"]["serinus.dev/data-version"] == "md5-12-34"
    assert pod["metadata"]["annotations"]["serinus.dev/data-version"] == "md5:12/34"
    assert pod["spec"]["initContainers"][0]["args"][0] == first
    quick = {"rollout": {"steps": [{"weight": 50, "minDuration": "0s"}], "watchAfterPromotion": "0s"}}
    space.apply(body(second, "2", **quick))
    space.wait(lambda s: (s.get("canary") or {}).get("model", {}).get("version") == "2", "2 is the canary")
    found = at_version(space, "2", 2 * PATIENCE)
    assert [one["model"]["version"] for one in found["history"]] == ["2", "1"]
    assert "uri" not in found["history"][0]["model"]
    assert found["metrics"][0]["source"] == "Pods"


def test_the_hash_of_a_dvc_file_that_lies_with_the_model_is_told(space: Space) -> None:
    where = uri()
    space.stand.node.fetched[where] = json.dumps({"reason": "Fetched", "message": "1 file", "dataVersion": "22a1a293"})
    space.apply(body(where, "1", model={"dataVersion": "train.csv.dvc"}))
    found = space.wait(
        lambda s: (s.get("stable") or {}).get("model", {}).get("dataVersion") == "22a1a293", "it is told"
    )
    (pod,) = space.pods(found["stable"]["revision"])
    assert pod["spec"]["initContainers"][0]["args"][-2:] == ["--data-version", "train.csv.dvc"]
    at_version(space, "1")
    space.wait(lambda s: [one["model"].get("dataVersion") for one in s["history"]] == ["22a1a293"], "history has it")


def test_a_bad_model_is_taken_back_by_the_counters_of_its_runtime(space: Space) -> None:
    space.stand.prometheus.names[MLSERVER] = ("rest_server_requests_total", "status_code")
    runtime = {"name": "mlserver"}
    space.apply(body(uri(), "1", runtime=runtime))
    at_version(space, "1")
    other = {**runtime, "image": "registry.test/mlserver:bad"}
    space.stand.prometheus.names[other["image"]] = ("rest_server_requests_total", "status_code")
    space.stand.prometheus.errors[other["image"]] = 1.0
    space.apply(body(uri(), "2", runtime=other))
    found = space.in_phase("RolledBack")
    assert found["stable"]["model"]["version"] == "1"
    metric = found["metrics"][0]
    assert (metric["source"], metric["outcome"]) == ("Pods", "Fail")
    assert metric["canaryErrors"] > 0


def test_another_runtime_is_compared_by_the_counters_of_each(space: Space) -> None:
    space.apply(body(uri(), "1"))
    at_version(space, "1")
    space.stand.prometheus.names[MLSERVER] = ("rest_server_requests_total", "status_code")
    space.apply(body(uri(), "2", runtime={"name": "mlserver"}))

    def compared(status: Manifest) -> bool:
        return any(m.get("canaryRequests", 0) > 0 and m.get("stableRequests", 0) > 0 for m in status.get("metrics", []))

    space.wait(compared, "both sides are counted")


def test_a_runtime_whose_metrics_do_not_show_up_is_reported_and_not_promoted(space: Space) -> None:
    """The pods are scraped, but what they count has another name."""
    runtime = {"name": "mlserver"}
    space.apply(body(uri(), "1", runtime=runtime))
    first = at_version(space, "1")["stable"]["revision"]
    space.apply(body(uri(), "2", runtime=runtime))

    def told(status: Manifest) -> bool:
        return any(
            m["reason"] == "NothingCounted" and "rest_server_requests_total" in m["message"]
            for m in status.get("metrics", [])
        )

    space.wait(told, "it says which counter it misses")
    always(lambda: space.phase() == "Stepping" and space.status()["stable"]["revision"] == first, "no promotion", 3)
    space.stand.prometheus.names[MLSERVER] = ("rest_server_requests_total", "status_code")
    space.wait(lambda s: s["metrics"][0].get("canaryRequests", 0) > 0, "it goes on")


def test_a_runtime_that_counts_no_errors_is_judged_by_the_gateway(space: Space) -> None:
    runtime = {"name": "kserve-sklearn"}
    space.apply(body(uri(), "1", route=True, runtime=runtime))
    at_version(space, "1")
    eventually(space.route_live, "the route is there", show=space.tell)
    space.apply(body(uri(), "2", route=True, runtime=runtime))
    space.wait(lambda s: [m["source"] for m in s.get("metrics", [])] == ["Gateway"], "the gateway's counters judge")


def test_without_a_gateway_it_says_that_nothing_can_judge_it(space: Space) -> None:
    runtime = {"name": "kserve-sklearn"}
    space.apply(body(uri(), "1", runtime=runtime))
    first = at_version(space, "1")["stable"]["revision"]
    space.apply(body(uri(), "2", runtime=runtime))
    space.wait_condition("MetricsAvailable", "False", "add spec.route with an Envoy Gateway")
    assert list(space.behind_service()) == [first]


REPORT = json.dumps({"reason": "NotFound", "message": "s3://models/churn: there is no such object"})
NOT_FOUND = "fetch-model: CrashLoopBackOff: exit code 3: NotFound: s3://models/churn: there is no such object"
SOON = {"rollout": {"progressDeadline": "4s"}}


def test_a_model_that_cannot_be_fetched_is_told_and_the_old_one_serves(space: Space) -> None:
    space.apply(body(uri(), "1", **SOON))
    first = at_version(space, "1")["stable"]["revision"]
    missing = uri()
    space.stand.node.unfetchable[missing] = f"looking\n{REPORT}"
    space.apply(body(missing, "2", **SOON))
    space.wait(lambda s: s.get("phase") == "Preparing" and s.get("message") == NOT_FOUND, "status says why")
    space.wait_condition("Available", "True")
    found = space.in_phase("RolledBack")
    assert NOT_FOUND in found["message"]
    assert found["reason"] == "ProgressDeadlineExceeded"
    assert list(space.behind_service()) == [first]


def test_a_first_model_that_cannot_be_fetched_is_told(space: Space) -> None:
    missing = uri()
    space.stand.node.unfetchable[missing] = REPORT
    space.apply(body(missing, "1"))
    space.wait_condition("Available", "False", NOT_FOUND)
    assert space.status()["message"] == NOT_FOUND
    del space.stand.node.unfetchable[missing]
    at_version(space, "1")


def test_a_model_that_needs_more_memory_is_told_and_taken_back(space: Space) -> None:
    runtime = {"resources": {"limits": {"memory": "1Gi"}}}
    space.apply(body(uri(), "1", runtime=runtime))
    first = at_version(space, "1")["stable"]["revision"]
    large = uri()
    space.stand.node.out_of_memory.add(large)
    space.apply(body(large, "2", runtime=runtime))
    found = space.in_phase("RolledBack")
    assert found["reason"] == "CrashLooping"
    assert "OOMKilled, exit code 137: it needs more memory than its limit of 1Gi" in found["message"]
    assert list(space.behind_service()) == [first]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"model": {"format": "sklern"}}, "spec.model.format is 'sklern', which no runtime serves: use one of"),
        ({"runtime": {"name": "mlservr"}}, "spec.runtime.name is 'mlservr', which is not in the catalogue: it has"),
        ({"runtime": {"name": "triton"}}, "which runtime 'triton' does not serve: use one of onnx"),
        (
            {"model": {"uri": "models:/churn@champion"}},
            "spec.model.uri: models:/churn@champion: the operator knows no model registry",
        ),
        (
            {"runtime": {"name": "kserve-sklearn"}, "analysis": {"guard": True}},
            "spec.analysis.guard is true but runtime kserve-sklearn does not count errors",
        ),
    ],
)
def test_what_nobody_serves_is_a_condition_and_the_last_good_one_serves(
    space: Space, edit: dict[str, Any], told: str
) -> None:
    good = body(uri(), "1")
    space.apply(good)
    first = at_version(space, "1")["stable"]["revision"]
    wrong = {**good, **{key: {**good.get(key, {}), **value} for key, value in edit.items()}}
    space.apply(wrong)
    space.wait_condition("Degraded", "True", told)
    assert space.status()["reason"] == "InvalidSpec"
    assert list(space.behind_service()) == [first]
    space.apply(good)
    space.wait_condition("Degraded", "False")


@pytest.mark.parametrize(
    ("address", "kind"),
    [("oci://registry.test/churn:7", "image"), ("pvc://models/churn/7", "persistentVolumeClaim")],
)
def test_kubernetes_takes_mounted_models(space: Space, address: str, kind: str) -> None:
    space.apply(body(address, "1"))
    (pod,) = space.pods(at_version(space, "1")["stable"]["revision"])
    (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "model"]
    assert kind in volume


def test_a_restart_with_another_catalogue_makes_no_revision(space: Space) -> None:
    """What a runtime stands for is on record; only new revisions see a new catalogue."""
    space.apply(body(uri(), "1"))
    first = at_version(space, "1")["stable"]["revision"]
    uids, operator = space.uids(first), space.stand.operator
    operator.kill()
    operator.settings["SERINUS_SERVER_IMAGE"] = "registry.test/server:next"
    try:
        operator.start()
        space.kube.merge("modeldeployments", space.namespace, NAME, {"spec": {"replicas": 2}})
        eventually(lambda: len(space.pods(first)) == 2, "it is at work", show=space.tell)
        assert uids <= space.uids(first)
        assert len(space.kube.find("controllerrevisions", space.namespace)) == 1
        space.apply(body(uri(), "2"))
        space.wait(lambda s: (s.get("canary") or {}).get("image") == "registry.test/server:next", "a new one sees it")
    finally:
        operator.settings.clear()
        operator.kill()
