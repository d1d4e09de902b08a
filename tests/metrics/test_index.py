"""A rollout touches its own series of a shared answer, and no others."""

from __future__ import annotations

from serinus.metrics.index import Index
from serinus.metrics.series import Series

TIMES = ((10.0, 1.0),)


def series(**labels: str) -> Series:
    return Series({"__name__": "x", **labels}, TIMES)


def up(**labels: str) -> Series:
    return Series({"__name__": "up", **labels}, TIMES)


def test_a_route_has_its_clusters_and_the_proxies_that_report_them() -> None:
    place = "httproute/models/{}/rule/0/backend/0"
    shop = series(job="envoy", instance="1", envoy_cluster_name=place.format("shop"))
    other = series(job="envoy", instance="2", envoy_cluster_name=place.format("other"))
    proxies = [up(job="envoy", instance=name, namespace="gateway", pod=f"envoy-{name}") for name in "12"]
    index = Index([*proxies, shop, other])
    assert index.of("models", "shop") == [shop, proxies[0]]
    assert index.of("models", "other") == [other, proxies[1]]
    assert index.of("elsewhere", "shop") == []
    assert (index.scrapes("models", "shop"), index.scrapes("elsewhere", "shop")) == (TIMES, ())


def test_a_model_has_its_pods_whether_they_count_yet_or_not() -> None:
    pod = {"job": "pods", "instance": "1", "namespace": "models", "pod": "shop-aaaaaaaaaa-5f-x"}
    idle = up(job="pods", instance="2", namespace="models", pod="shop-bbbbbbbbbb-5f-x")
    other = up(job="pods", instance="3", namespace="models", pod="shop-2-bbbbbbbbbb-5f-x")
    index = Index([up(**pod), series(**pod), idle, other])
    assert index.of("models", "shop") == [up(**pod), series(**pod), idle]
    assert index.of("models", "shop-2") == [other]


def test_two_replicas_of_prometheus_both_show_when_they_scraped() -> None:
    target = {"job": "envoy", "instance": "1"}
    both = [up(**target, replica=name) for name in "01"]
    counter = series(**target, replica="0", envoy_cluster_name="httproute/models/shop/rule/0/backend/1")
    assert Index([*both, counter]).of("models", "shop") == [counter, *both]


def test_the_next_answer_is_not_looked_at_again_while_its_labels_stay() -> None:
    labels = {"__name__": "x", "namespace": "models", "pod": "shop-aaaaaaaaaa-5f-x"}
    first = Index([Series(labels, TIMES), up(job="j")])
    newer = Series(labels, ((20.0, 5.0),))
    second = Index([newer, up(job="j")], Index([Series(labels, TIMES), up(job="j")], first))
    assert second.of("models", "shop") == [newer]
    other = {**labels, "pod": "other-aaaaaaaaaa-5f-x"}
    third = Index([Series(other, TIMES)], second)
    assert third.of("models", "shop") == []
    assert third.of("models", "other") == [Series(other, TIMES)]
