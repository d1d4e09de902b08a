"""What `helm test` runs, with the rights that it gets, against a real API server and the operator."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cluster import programs

from .stand import Space

CHART = Path(__file__).parents[2] / "charts" / "serinus"


@pytest.fixture
def release(space: Space, tmp_path: Path) -> dict[str, str]:
    """The files of the test's ConfigMap; its ServiceAccount and Role are there."""
    command = [programs.built("helm"), "template", "serinus", CHART, "--namespace", space.namespace]
    shown = [*command, "--show-only", "templates/tests/canary.yaml"]
    text = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    objects = {one["kind"]: one for one in yaml.safe_load_all(text) if one}
    for kind in ("ServiceAccount", "Role", "RoleBinding"):
        done = space.stand.plane.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump(objects[kind]))
        assert not done.returncode, done.stderr
    for name, content in objects["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(content)
    token = space.stand.plane.kubectl("create", "token", "serinus-test", f"--namespace={space.namespace}").stdout
    (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_bytes((space.stand.plane.home / "certs" / "apiserver.crt").read_bytes())
    return {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(space.stand.plane.port),
        "SERVICE_ACCOUNT": str(tmp_path),
        "SECONDS_TO_WAIT": "60",
    }


def run(release: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    script = Path(release["SERVICE_ACCOUNT"]) / "canary.py"
    return subprocess.run(
        [sys.executable, script], env={**release, **more}, capture_output=True, text=True, check=False, timeout=200
    )


def test_a_tiny_canary_is_rolled_out_and_taken_away(space: Space, release: dict[str, str]) -> None:
    space.recorder.watch("deployments")
    done = run(release)
    assert not done.returncode, done.stderr
    assert "the first version serves" in done.stdout
    assert "was promoted over" in done.stdout
    made = {change.name for change in space.recorder.of("deployments") if change.name.startswith("serinus-test-")}
    assert len(made) == 2
    assert not space.kube.find("modeldeployments", space.namespace)


def test_an_operator_that_is_away_fails_the_test_with_the_status(space: Space, release: dict[str, str]) -> None:
    space.stand.operator.stop()
    done = run(release, SECONDS_TO_WAIT="2")
    assert done.returncode
    assert "not within 2 s: the first version serves" in done.stderr
    space.stand.operator.start()
    assert not space.kube.find("modeldeployments", space.namespace)
