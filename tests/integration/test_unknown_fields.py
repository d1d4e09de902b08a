"""A field that no version knows: a warning that names it, an error for whoever asks for strictness, and never stored."""

import json

import pytest
import yaml

from .kube import Kube, Manifest, path
from .stand import manifest

UNKNOWN = {"spec.replica", "spec.rollout.steps[0].wait"}
SPEC: Manifest = {
    "replica": 3,
    "runtime": {"image": "registry.test/model:1", "port": 8080},
    "rollout": {"steps": [{"weight": 20, "wait": "5m"}]},
}


@pytest.mark.parametrize("query", [{}, {"fieldValidation": "Warn"}], ids=["default", "Warn"])
def test_the_cluster_warns_of_each_unknown_field_and_stores_none(
    kube: Kube, namespace: str, query: dict[str, str]
) -> None:
    connection = kube.plane.connect()
    where = path("modeldeployments", namespace, **query)
    connection.request("POST", where, json.dumps(manifest(namespace, SPEC)), kube.plane.headers())
    answer = connection.getresponse()
    warnings, stored = answer.headers.get_all("Warning") or [], json.loads(answer.read())
    connection.close()
    assert answer.status == 201
    assert {warning.split("unknown field")[1].strip(' \\"') for warning in warnings} == UNKNOWN
    assert "replica" not in stored["spec"]
    assert set(stored["spec"]["rollout"]["steps"][0]) <= {"weight", "minDuration", "pause"}


def test_kubectl_shows_the_warning_and_refuses_by_default(kube: Kube, namespace: str) -> None:
    text = yaml.safe_dump(manifest(namespace, SPEC))
    strict = kube.plane.kubectl("apply", "--filename", "-", stdin=text)
    assert strict.returncode
    assert all(f'unknown field "{field}"' in strict.stderr for field in UNKNOWN)
    assert kube.find("modeldeployments", namespace) == []
    warned = kube.plane.kubectl("apply", "--validate=warn", "--filename", "-", stdin=text)
    assert not warned.returncode
    assert all(f'Warning: unknown field "{field}"' in warned.stderr for field in UNKNOWN)
    assert len(kube.find("modeldeployments", namespace)) == 1
