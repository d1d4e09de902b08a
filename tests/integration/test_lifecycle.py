"""Rollouts from beginning to end."""

from .stand import Space, image, spec


def test_first_version_serves_without_a_canary(space: Space) -> None:
    space.recorder.watch("httproutes")
    first = space.serving()
    revision = space.hash(first)
    assert space.weights() == {revision: 100}
    assert space.weight_history(revision) == [100]
    assert [event["reason"] for event in space.events()] == ["FirstRevisionServes"]


def test_healthy_version_is_promoted_with_the_pods_that_were_tested(space: Space) -> None:
    first = space.serving()
    old = space.hash(first)
    space.recorder.watch("pods", "httproutes")
    second = image(2)
    space.apply(spec(second))
    new = space.hash(second)
    space.in_phase("Stepping")
    tested = space.uids(new)
    status = space.stable(second)
    assert tested
    assert tested <= space.uids(new)
    assert space.pods_ever(new) == space.uids(new)
    assert space.weight_history(new) == [0, 20, 50, 95, 100]
    assert [past["revision"] for past in status["history"]] == [new, old]
