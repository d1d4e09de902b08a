"""Models in a namespace that enforces the restricted Pod Security Standard, by the API server's own admission."""

from .kube import Manifest
from .stand import Space, image, spec


def enforce(space: Space) -> None:
    marks = {"pod-security.kubernetes.io/enforce": "restricted"}
    space.kube.merge("namespaces", "", space.namespace, {"metadata": {"labels": marks}})


def test_a_model_is_served_and_a_version_that_wants_more_is_not(space: Space) -> None:
    enforce(space)
    old = space.hash(space.serving())
    wants_more: Manifest = {"spec": {"hostNetwork": True}}
    space.apply(spec(image(2), runtime={"podTemplate": wants_more}))
    space.wait_condition("Progressing", "True", "violates PodSecurity")
    assert space.weights() == {old: 100}
    assert space.condition("Available")["status"] == "True"
