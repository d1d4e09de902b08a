"""First manifests, each of which `lint` has nothing against."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from serinus.cli.init.adopt import Adopted, Found, adopt
from serinus.cli.lint.check import catalogue, check
from serinus.cli.main import main
from serinus.cli.trouble import Trouble

CATALOGUE = catalogue("")


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def written(*arguments: str) -> dict[str, Any]:
    result = init(*arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = yaml.safe_load(result.stdout)
    assert list(check(found, CATALOGUE)) == []
    return found


def test_a_model() -> None:
    found = written(
        "--model", "s3://models/churn/7", "--format", "sklearn", "--gateway", "g/public", "--host", "c.example"
    )
    assert found["metadata"] == {"name": "churn"}
    assert found["spec"] == {
        "model": {"uri": "s3://models/churn/7", "format": "sklearn"},
        "route": {"gateway": "g/public", "hostnames": ["c.example"]},
    }


def test_an_image_with_a_name_of_ones_own() -> None:
    found = written("shop", "--image", "r.example:5000/a/b:1", "--port", "8000", "-n", "ml", "-o", "json")
    assert found["metadata"] == {"name": "shop", "namespace": "ml"}
    assert found["spec"] == {"runtime": {"image": "r.example:5000/a/b:1", "port": 8000}}


USES: list[tuple[tuple[str, ...], str]] = [
    ((), "none was given"),
    (("--model", "s3://a", "--image", "b:1"), "--model and --image were given"),
    (("--model", "s3://a"), "--model needs --format: there are huggingface"),
    (("--model", "s3://a", "--format", "sklern"), "is not served: did you mean sklearn?"),
    (("--image", "a:1"), "--image needs --port"),
    (("--image", "a:1", "--port", "1", "--format", "onnx"), "--format goes with --model, not with --image"),
    (("--model", "s3://a", "--format", "onnx", "--port", "1"), "--port goes with --image or --deployment"),
    (("--image", "a:1", "--port", "1", "--host", "a"), "--host needs --gateway"),
]


@pytest.mark.parametrize(("arguments", "told"), USES)
def test_a_wrong_use_says_what_is_right(arguments: tuple[str, ...], told: str) -> None:
    result = init(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_manifest_that_is_to_be_corrected_says_so_in_itself() -> None:
    result = init("--model", "ftp://a", "--format", "sklearn")
    assert "# To be corrected: spec.model.uri: nothing can be fetched from there" in result.stdout


def deployment(container: dict[str, Any] | None = None, *others: dict[str, Any], **pod: Any) -> dict[str, Any]:
    first = {"name": "web", "image": "a:1", "ports": [{"containerPort": 8000}], **(container or {})}
    template = {"metadata": {"labels": {"app": "shop", "team": "ml"}}, "spec": {"containers": [first, *others], **pod}}
    return {
        "metadata": {"name": "shop", "namespace": "ml"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}, "template": template},
    }


def service(target: Any = 8000, name: str = "shop", **selector: str) -> dict[str, Any]:
    selected = selector or {"app": "shop"}
    return {"metadata": {"name": name}, "spec": {"selector": selected, "ports": [{"port": 80, "targetPort": target}]}}


def adopted(found: Found, **given: Any) -> Adopted:
    made = adopt(found, given.get("container"), given.get("port"), given.get("name"))
    assert list(check(made.manifest, CATALOGUE)) == []
    return made


def test_the_smallest_deployment_is_a_small_manifest() -> None:
    made = adopted(Found(deployment()))
    assert made.manifest["metadata"] == {"name": "shop", "namespace": "ml"}
    assert made.manifest["spec"] == {
        "replicas": 2,
        "runtime": {"image": "a:1", "port": 8000, "podTemplate": {"metadata": {"labels": {"team": "ml"}}}},
    }
    assert "user 65532" in made.notes[0]


def test_what_the_api_server_fills_in_is_left_out() -> None:
    filled = {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "serviceAccount": "default",
    }
    container = {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}
    assert adopted(Found(deployment(container, **filled))).manifest == adopted(Found(deployment())).manifest


def test_a_name_that_a_service_has_is_not_taken() -> None:
    assert adopted(Found(deployment(), [service()])).manifest["metadata"]["name"] == "shop-model"
    assert adopted(Found(deployment(), [service()]), name="mine").manifest["metadata"]["name"] == "mine"


PORTS: list[tuple[dict[str, Any], Any, int]] = [
    ({"ports": [{"name": "web", "containerPort": 1}, {"name": "admin", "containerPort": 2}]}, "admin", 2),
    ({"ports": [{"name": "http", "containerPort": 1}, {"name": "admin", "containerPort": 2}]}, None, 1),
    ({"ports": []}, 7, 7),
]


@pytest.mark.parametrize(("container", "target", "port"), PORTS)
def test_a_service_or_a_name_says_which_port_it_is(container: dict[str, Any], target: Any, port: int) -> None:
    services = [service(target)] if target else []
    assert adopted(Found(deployment(container), services)).manifest["spec"]["runtime"]["port"] == port


def test_a_port_or_a_container_that_cannot_be_told_is_asked_for() -> None:
    two = {"ports": [{"containerPort": 1}, {"containerPort": 2}]}
    with pytest.raises(Trouble, match="could be 1 or 2: say it with --port"):
        adopt(Found(deployment(two)), None, None, None)
    with pytest.raises(Trouble, match="is not declared: say it with --port"):
        adopt(Found(deployment({"ports": []})), None, None, None)
    proxy = {"name": "proxy", "image": "p:1"}
    with pytest.raises(Trouble, match=r"2 containers: say with --container.*\(web, proxy\)"):
        adopt(Found(deployment(None, proxy)), None, None, None)
    with pytest.raises(Trouble, match="no container 'wep': did you mean web"):
        adopt(Found(deployment()), "wep", None, None)


def test_sidecars_come_along_and_the_models_container_has_its_new_name() -> None:
    proxy = {"name": "proxy", "image": "p:1"}
    container = {"securityContext": {"runAsUser": 7}, "workingDir": "/srv"}
    made = adopted(Found(deployment(container, proxy)), container="web")
    assert made.manifest["spec"]["runtime"]["podTemplate"]["spec"]["containers"] == [
        {"name": "model", "workingDir": "/srv", "securityContext": {"runAsUser": 7}},
        proxy,
    ]
    assert made.notes == []


def autoscaler(*metrics: dict[str, Any]) -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9, "metrics": list(metrics)}
    return {"metadata": {"name": "shop"}, "spec": spec}


def utilization(name: str) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": 70}}}


def test_an_autoscaler_becomes_autoscaling() -> None:
    busy = deployment({"resources": {"requests": {"cpu": "1"}}})
    made = adopted(Found(busy, autoscalers=[autoscaler(utilization("cpu"), {"type": "External"})]))
    assert made.manifest["spec"]["autoscaling"] == {"minReplicas": 2, "maxReplicas": 9, "cpuUtilization": 70}
    assert "replicas" not in made.manifest["spec"]
    assert any("metric of type External" in note for note in made.notes)


def test_an_autoscaler_that_cannot_be_taken_over_leaves_the_size() -> None:
    made = adopted(Found(deployment(), autoscalers=[autoscaler({"type": "External"})]))
    assert made.manifest["spec"]["replicas"] == 2
    assert any("scales by nothing that is known" in note for note in made.notes)


def route(rules: list[dict[str, Any]] | None = None, backend: str = "shop") -> dict[str, Any]:
    rule = {"backendRefs": [{"name": backend}]}
    spec = {
        "parentRefs": [{"name": "public"}],
        "hostnames": ["a.example"],
        "rules": [{**rule, **part} for part in rules or [{}]],
    }
    return {"metadata": {"name": "way"}, "spec": spec}


def test_the_route_to_its_service_comes_along() -> None:
    made = adopted(Found(deployment(), [service()], [route(backend="other"), route()]))
    assert made.manifest["spec"]["route"] == {"gateway": "public", "hostnames": ["a.example"]}


def test_what_a_route_has_beyond_prefixes_is_a_note() -> None:
    exact = {"matches": [{"path": {"type": "Exact", "value": "/x"}}]}
    made = adopted(Found(deployment(), [service()], [route([exact, {}])]))
    assert [note.partition(":")[0] for note in made.notes[1:]] == [
        "Several routes or rules lead here, `route` holds the first",
        "Left out",
    ]


def test_a_service_without_a_route_is_a_note() -> None:
    made = adopted(Found(deployment(), [service()], [route(backend="other")]))
    assert "route" not in made.manifest["spec"]
    assert "No HTTPRoute leads to Service shop" in made.notes[-1]


def test_labels_that_any_service_selects_by_stay_behind() -> None:
    made = adopted(Found(deployment(), [service(team="ml")]))
    assert "podTemplate" not in made.manifest["spec"]["runtime"]
