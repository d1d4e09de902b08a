"""Kubeconfig files, as kubectl reads them."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cli.kube import config
from serinus.cli.kube.config import Access, find
from serinus.cli.kube.login import Credentials, log_in
from serinus.cli.trouble import Exit, Trouble


def write(path: Path, **parts: Any) -> Path:
    """Write a kubeconfig with one cluster, user and context called `a`; `parts` lie over it."""
    whole: dict[str, Any] = {
        "clusters": [{"name": "a", "cluster": {"server": "https://a.example:6443/"}}],
        "users": [{"name": "a", "user": {"token": "t"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "ml"}}],
        "current-context": "a",
        **parts,
    }
    path.write_text(yaml.safe_dump(whole))
    return path


def user(tmp_path: Path, **entry: Any) -> Access:
    return find(str(write(tmp_path / "config", users=[{"name": "a", "user": entry}])), None, {})


def test_the_current_context_is_taken(tmp_path: Path) -> None:
    found = find(str(write(tmp_path / "config")), None, {})
    assert (found.server, found.namespace, found.context) == ("https://a.example:6443", "ml", "a")
    assert log_in(found) == Credentials("Bearer t")


def test_files_of_the_environment_are_joined_and_the_first_word_counts(tmp_path: Path) -> None:
    first = write(
        tmp_path / "first", contexts=[], users=[{"name": "a", "user": {"token": "first"}}], **{"current-context": ""}
    )
    second = write(tmp_path / "second", users=[{"name": "a", "user": {"token": "second"}}])
    found = find(None, None, {"KUBECONFIG": f"{first}:{tmp_path / 'not-there'}:{second}"})
    assert found.context == "a"
    assert log_in(found).authorization == "Bearer first"


def test_the_home_folder_is_looked_at_last(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config")
    assert find(None, None, {"HOME": str(tmp_path)}).context == "a"


def test_a_context_without_a_namespace_means_default(tmp_path: Path) -> None:
    file = write(tmp_path / "config", contexts=[{"name": "a", "context": {"cluster": "a"}}])
    assert find(str(file), "a", {}).namespace == "default"


def test_names_of_files_are_relative_to_their_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    (tmp_path / "token").write_text("secret\n")
    cluster = {
        "server": "https://a",
        "certificate-authority": "ca.crt",
        "tls-server-name": "b",
        "proxy-url": "http://p",
    }
    file = write(
        tmp_path / "config",
        clusters=[{"name": "a", "cluster": cluster}],
        users=[{"name": "a", "user": {"tokenFile": "token"}}],
    )
    found = find(str(file), None, {})
    assert (found.authority, found.server_name, found.proxy, found.verify) == ("PEM", "b", "http://p", True)
    assert log_in(found).authorization == "Bearer secret"


def test_certificates_come_from_the_file_itself_or_from_another(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("KEY")
    data = base64.b64encode(b"CERT").decode()
    found = user(tmp_path, **{"client-certificate-data": data, "client-key": "key"})
    assert log_in(found) == Credentials("", "CERT", "KEY")


def test_a_name_and_a_password_are_sent(tmp_path: Path) -> None:
    assert log_in(user(tmp_path, username="eve", password="x")).authorization == "Basic ZXZlOng="


def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", "inside"), ("namespace", "ml\n"), ("ca.crt", "PEM")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(config, "SERVICE_ACCOUNT", tmp_path)
    environ = {"HOME": "/nowhere", "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = find(None, None, environ)
    assert (found.server, found.namespace, found.authority) == ("https://[fd00::1]:443", "ml", "PEM")
    assert log_in(found).authorization == "Bearer inside"


def plugin(tmp_path: Path, script: str, **entry: Any) -> Access:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    asked = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "interactiveMode": "Never",
        **entry,
    }
    return user(tmp_path, exec=asked)


def test_a_plugin_is_asked_with_what_it_needs_to_know(tmp_path: Path) -> None:
    answer = json.dumps({"status": {"token": "fresh"}})
    script = f"printf '%s' \"$KUBERNETES_EXEC_INFO\" > {tmp_path}/asked; echo '{answer}'; test \"$REGION\" = eu"
    found = plugin(tmp_path, script, provideClusterInfo=True, env=[{"name": "REGION", "value": "eu"}])
    assert log_in(found).authorization == "Bearer fresh"
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked["spec"] == {
        "interactive": False,
        "cluster": {"server": "https://a.example:6443", "insecure-skip-tls-verify": False},
    }


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("exit 3", {}, "ended with 3: log in with it"),
    ("echo nonsense", {}, "did not print an ExecCredential"),
    ("true", {"command": "no-such-plugin", "installHint": "get it there"}, "is not there: get it there"),
]


@pytest.mark.parametrize(("script", "entry", "told"), BROKEN)
def test_a_plugin_that_fails_says_what_to_do(tmp_path: Path, script: str, entry: dict[str, Any], told: str) -> None:
    with pytest.raises(Trouble, match=told):
        log_in(plugin(tmp_path, script, **entry))


def test_no_kubeconfig_says_where_it_was_looked_for() -> None:
    with pytest.raises(Trouble, match=r"looked for /nowhere/\.kube/config.*--kubeconfig") as caught:
        find(None, None, {"HOME": "/nowhere"})
    assert caught.value.exit_code == Exit.CLUSTER


WRONG: list[tuple[dict[str, Any], str | None, str]] = [
    ({}, "b", "no context 'b' in .*: there is a"),
    ({}, "aa", "did you mean a"),
    ({"current-context": ""}, None, "no current context: choose one with --context.*there is a"),
    ({"contexts": [{"name": "a", "context": {"cluster": "z"}}]}, None, "names the cluster 'z', of which"),
    (
        {"clusters": [{"name": "a", "cluster": {"server": "https://a", "certificate-authority": "gone"}}]},
        None,
        "cannot be read",
    ),
    ({"clusters": [{"cluster": {}}]}, None, "is no kubeconfig"),
]


@pytest.mark.parametrize(("parts", "context", "told"), WRONG)
def test_a_wrong_kubeconfig_says_what_is_wrong(
    tmp_path: Path, parts: dict[str, Any], context: str | None, told: str
) -> None:
    with pytest.raises(Trouble, match=told) as caught:
        find(str(write(tmp_path / "config", **parts)), context, {})
    assert caught.value.exit_code == Exit.CLUSTER


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="is no file"):
        find(str(tmp_path / "none"), None, {})


def test_an_old_auth_provider_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"'gcp'.*exec plugin"):
        log_in(user(tmp_path, **{"auth-provider": {"name": "gcp"}}))
