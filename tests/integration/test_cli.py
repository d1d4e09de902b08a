"""The command line on a real API server: with the operator, with a thousand models, with nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from serinus.cli.lint.check import catalogue, check
from serinus.cli.main import main

from .control_plane import ControlPlane
from .kube import Kube, RefusedError, path
from .specs import Specs
from .stand import NAME, ROOT, Space, image, manifest, new_namespace, spec
from .test_lifecycle import under_test

Run = Callable[..., Result]
STORED = ROOT / "tests" / "integration" / "stored" / "20261122.yaml"


def runner(plane: ControlPlane, namespace: str) -> Run:
    def run(*arguments: str, code: int = 0) -> Result:
        where = [f"--kubeconfig={plane.kubeconfig}", f"--namespace={namespace}"]
        result = CliRunner().invoke(main, [*arguments, *where])
        assert result.exit_code == code, f"{arguments}: {result.output} {result.exception!r}"
        return result

    return run


@pytest.fixture
def run(kube: Kube, emptied: str) -> Run:
    return runner(kube.plane, emptied)


def test_a_rollout_is_watched_held_promoted_and_taken_back(space: Space) -> None:
    run = runner(space.stand.plane, space.namespace)
    second, new, old = under_test(space)
    held = run("status", NAME).stdout
    assert f"Canary {new} stays at 20 %: the step waits for `resume`" in held
    assert f"serinus resume {NAME}" in held
    for part in ("stable", old, "80 %", "2/2 pods ready", "error-rate", "WeightRaised", f"{NAME}-{new}-"):
        assert part in held
    assert "1 under way" in run("status").stdout
    assert run("list").stdout.splitlines()[1].split()[:6] == [NAME, "False", "Stepping", old, new, "20"]
    assert json.loads(run("status", NAME, "-o", "json").stdout)["status"]["canary"]["revision"] == new
    assert "stays where it is" in run("pause", NAME).stdout
    assert space.condition("Paused")["reason"] == "PausedByCommand"
    assert "is paused already" in run("pause", NAME).stdout
    changed = yaml.safe_load(run("diff", NAME, "-o", "yaml").stdout)
    assert (changed["before"], changed["after"]) == (old, new)
    assert [one["after"] for one in changed["changes"] if one["field"] == "runtime.image"] == [second]
    assert "goes on" in run("resume", NAME).stdout
    assert run("abort", NAME, "--wait", "--timeout=60s").stderr.splitlines()[-1].startswith(f"{new} was taken back")
    back = run("status", NAME, "--wait", "--timeout=60s", code=1)
    assert "Revision" in back.stderr
    refused = run("abort", NAME, code=4).stderr
    assert f"`serinus retry {NAME}` tries it once more" in refused
    assert "taken back" in run("history", NAME).stdout
    run("retry", NAME)
    space.in_phase("Stepping")
    run("promote", NAME, "--wait", "--timeout=60s")
    assert space.status()["stable"]["revision"] == new
    states = [(one["revision"], one["state"]) for one in json.loads(run("history", NAME, "-o", "json").stdout)]
    assert states == [(new, "stable"), (old, "replaced")]
    assert "at rest" in run("abort", NAME, code=4).stderr


def test_a_step_is_skipped(space: Space) -> None:
    run = runner(space.stand.plane, space.namespace)
    under_test(space)
    assert "goes on with what follows its step" in run("skip", NAME).stdout
    assert space.wait(lambda status: status["rollout"]["step"] == 1, "the second step")


def test_a_spec_that_is_refused_ends_the_waiting(space: Space) -> None:
    run = runner(space.stand.plane, space.namespace)
    space.serving()
    wrong = {"autoscaling": {"maxReplicas": 3, "cpuUtilization": 70}}
    space.apply(spec(image(1), replicas=1, **wrong))
    refused = run("status", NAME, "--wait", "--timeout=60s", code=1)
    assert "set spec.runtime.resources.requests.cpu" in refused.stderr
    assert "InvalidSpec" in run("status", NAME).stdout


def test_a_command_that_nobody_obeys_says_so(
    kube: Kube, namespace: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serinus.cli.commands.order.PATIENCE", 0.5)
    put(kube, namespace, stored("Stepping"), "shop")
    result = run("pause", "shop", code=3)
    assert "The command is sent, but the operator has not answered" in result.stderr
    sent = kube.get("modeldeployments", namespace, "shop") or {}
    verb, revision, _ = sent["metadata"]["annotations"]["serinus.dev/command"].split("/")
    assert (verb, revision) == ("pause", sent["status"]["rollout"]["candidate"])


def stored(phase: str) -> dict[str, Any]:
    """Return a model with its status, as the operator wrote it."""
    found = [one for one in yaml.safe_load(STORED.read_text()) if one["kind"] == "ModelDeployment"]
    return deepcopy(next(one for one in found if one["status"]["phase"] == phase))


def put(kube: Kube, namespace: str, model: dict[str, Any], name: str) -> None:
    kube.create("modeldeployments", namespace, manifest(namespace, model["spec"], name))
    kube.merge("modeldeployments", namespace, name, {"status": model["status"]}, "status")


@pytest.fixture
def emptied(kube: Kube, namespace: str) -> Iterator[str]:
    """A namespace in which no operator will find a model later."""
    yield namespace
    kube.call("DELETE", path("modeldeployments", namespace))


def test_what_is_not_there_is_told_with_what_is(kube: Kube, namespace: str, run: Run) -> None:
    assert "There are no ModelDeployments in namespace" in run("status").stdout
    assert "it has none" in run("status", "recommender", code=4).stderr
    put(kube, namespace, stored("Stable"), "recommender")
    assert "did you mean recommender?" in run("status", "recomender", code=4).stderr
    elsewhere = runner(kube.plane, new_namespace(kube))
    assert f"but in {namespace}: add --namespace {namespace}" in elsewhere("promote", "recommender", code=4).stderr
    assert run("list", "-o", "yaml").stdout.count("kind: ModelDeployment") == 1
    assert "Stable: revision" in run("status", "recommender").stdout


def test_a_live_view_stays_until_it_is_interrupted(kube: Kube, emptied: str) -> None:
    put(kube, emptied, stored("Stepping"), "shop")
    where = [f"--kubeconfig={kube.plane.kubeconfig}", f"--namespace={emptied}"]
    command = [sys.executable, "-m", "serinus.cli.main", "status", "shop", "--watch", *where]
    environ = {**os.environ, "PYTHONPATH": ":".join(sys.path), "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
    terminal, end = pty.openpty()
    # What runs in the background of a script ignores interrupts, and hands that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environ, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    os.close(end)
    seen = b""
    while seen.count(b"Canary") < 2:  # the first look and one that was asked for anew
        seen += os.read(terminal, 65536)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(terminal, 65536):
            seen += part
    os.close(terminal)
    assert process.wait() == 0
    assert b"take it back" in seen.rpartition(b"\x1b[?1049l")[2]  # what stays when the screen is given back


def test_rights_that_lack_are_told(kube: Kube, namespace: str, tmp_path: Path) -> None:
    """A service account may do nothing until somebody lets it."""
    kube.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "eve"}})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = kube.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/eve/token", asked)
    config = yaml.safe_load(kube.plane.kubeconfig.read_text())
    for token, told in ((answer["status"]["token"], "is forbidden"), ("wrong", "log in again")):
        config["users"][0]["user"]["token"] = token
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        where = [f"--kubeconfig={tmp_path / 'config'}", f"--namespace={namespace}"]
        result = CliRunner().invoke(main, ["status", *where])
        assert result.exit_code == 5
        assert told in result.stderr


def test_a_cluster_without_serinus_is_told(kube: Kube, tmp_path: Path) -> None:
    """The path of a proxy in front of the API server is kept, and leads nowhere here."""
    config = yaml.safe_load(kube.plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] += "/no/such/cluster"
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    result = CliRunner().invoke(main, ["status", f"--kubeconfig={tmp_path / 'config'}"])
    assert result.exit_code == 5
    assert "install Serinus" in result.stderr


def test_the_certificate_of_the_server_is_looked_at(kube: Kube, tmp_path: Path) -> None:
    config = yaml.safe_load(kube.plane.kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    cluster.pop("insecure-skip-tls-verify")
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    arguments = ["list", f"--kubeconfig={tmp_path / 'config'}"]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 5
    assert "a certificate that is not trusted" in refused.stderr
    cluster["certificate-authority"] = str(kube.plane.home / "certs" / "apiserver.crt")
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    assert CliRunner().invoke(main, arguments).exit_code == 0


def test_what_the_api_server_refuses_lint_refuses(kube: Kube, namespace: str) -> None:
    """Odd specs, half of them mutated, as dry runs; lint may refuse more: the operator's own rules."""
    runtimes, seed = catalogue(""), int(os.environ.get("SERINUS_SEED", "7"))
    missed, refused = [], 0
    for body in islice(iter(Specs(seed)), 300):
        model = manifest(namespace, body, "odd")
        try:
            kube.call("POST", path("modeldeployments", namespace, fieldValidation="Strict", dryRun="All"), model)
        except RefusedError as error:
            refused += 1
            if not list(check(model, runtimes)):
                missed.append((body, error.message))
    assert refused > 50
    assert not missed, f"{len(missed)} of {refused}: {random.Random(1).choice(missed)}"  # noqa: S311
