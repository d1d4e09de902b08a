"""A version that goes bad only when it is trusted: the watch takes it back."""

import time
from collections.abc import Callable
from typing import Any

from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, weight_history

PACE = {
    "replicas": 2,
    "route": {"timeout": "5s"},
    "rollout": {"steps": [{"weight": 50, "minDuration": "5s"}], "drain": "2s", "watchAfterPromotion": "120s"},
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}
GOOD_FOR = 50
"""Seconds after its start that a pod answers well; the promotion must be over by then."""
GOES_BAD = [{"name": "FAULT_RATE", "value": "0.2"}, {"name": "FAULT_AFTER_SECONDS", "value": str(GOOD_FOR)}]


def test_a_version_that_goes_bad_after_its_promotion(
    fresh: Model, start_load: Callable[..., Load], report: dict[str, Any]
) -> None:
    fresh.apply("recommender/v1.yaml", **PACE)
    before = fresh.wait_stable()["stable"]["revision"]
    pods = fresh.pods(before)
    time.sleep(GATEWAY_LAG)
    load = start_load(fresh, 100.0)
    with weight_history(fresh) as history:
        fresh.apply("recommender/v2.yaml", **PACE, runtime={"env": GOES_BAD})
        status = fresh.wait_phase("Watching")
        promoted = status["stable"]["revision"]
        assert load.journal.first_injected() is None, "it went bad before it was promoted"
        assert fresh.route_weights() == {before: 5, promoted: 95}
        status = fresh.wait_phase("RolledBack", patience=GOOD_FOR + 60)
    assert (status["reason"], status["stable"]["revision"]) == ("ErrorRateTooHigh", before)
    assert fresh.route_weights() == {before: 100}
    assert fresh.pods(before) == pods
    failed = load.journal.first_injected()
    assert failed is not None
    safe = history.first(lambda weights: weights == {before: 100}, after=failed.ended)
    assert safe is not None
    report["watch: seconds from the first failed answer to weight 0"] = round(safe - failed.ended, 2)
    report["watch: failed answers until then"] = load.journal.faults()
    assert [answer.as_dict() for answer in load.journal.failures()] == []
