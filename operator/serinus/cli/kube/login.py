"""Who we are: the credentials of a kubeconfig's user, from the file or from a plugin."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serinus.cli.kube.config import Access, pem
from serinus.cli.trouble import Exit, Trouble

_VERSION = "client.authentication.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to send and to show: a header, a client certificate with its key (PEM), or neither."""

    authorization: str = ""
    certificate: str = ""
    key: str = ""


def log_in(access: Access) -> Credentials:
    """Return the credentials of an access.

    Raises:
        Trouble: a file cannot be read, or a plugin gave none.
    """
    user = access.user
    if plugin := user.get("exec"):
        return _asked(plugin, access)
    if old := user.get("auth-provider"):
        raise Trouble(
            f"The user of context {access.context!r} logs in by the auth-provider {old.get('name')!r}, which kubectl does "
            "not know any more either: use the cloud's exec plugin",
            Exit.CLUSTER,
        )
    return Credentials(_authorization(user), pem(user, "client-certificate"), pem(user, "client-key"))


def _authorization(user: Mapping[str, Any]) -> str:
    if file := user.get("tokenFile"):
        try:
            return f"Bearer {Path(file).read_text(encoding='utf-8').strip()}"
        except OSError as error:
            raise Trouble(f"The token in {file} cannot be read: {error.strerror}", Exit.CLUSTER) from None
    if token := user.get("token"):
        return f"Bearer {token}"
    if name := user.get("username"):
        return "Basic " + base64.b64encode(f"{name}:{user.get('password', '')}".encode()).decode()
    return ""


def _asked(plugin: Mapping[str, Any], access: Access) -> Credentials:
    """Ask a credential plugin, as `client.authentication.k8s.io` says."""
    import shutil
    import subprocess

    command = str(plugin.get("command", ""))
    if shutil.which(command) is None:
        hint = str(plugin.get("installHint", "")).strip() or "install it, or correct the kubeconfig"
        raise Trouble(f"The credential plugin {command!r} is not there: {hint}", Exit.CLUSTER)
    version = plugin.get("apiVersion", _VERSION)
    interactive = plugin.get("interactiveMode", "IfAvailable") != "Never" and sys.stdin.isatty()
    asked: dict[str, Any] = {"interactive": interactive}
    if plugin.get("provideClusterInfo"):
        asked["cluster"] = _described(access)
    environ = {**os.environ, **{pair["name"]: pair["value"] for pair in plugin.get("env") or []}}
    environ["KUBERNETES_EXEC_INFO"] = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": asked})
    done = subprocess.run(  # noqa: S603 - what the kubeconfig names, as for kubectl
        [command, *(plugin.get("args") or [])],
        env=environ,
        stdin=None if interactive else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise Trouble(
            f"The credential plugin {command!r} ended with {done.returncode}: log in with it, then try again",
            Exit.CLUSTER,
        )
    try:
        told = json.loads(done.stdout)["status"]
        token = told.get("token")
        certificate, key = told.get("clientCertificateData", ""), told.get("clientKeyData", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(f"The credential plugin {command!r} did not print an ExecCredential", Exit.CLUSTER) from None
    return Credentials(f"Bearer {token}" if token else "", certificate, key)


def _described(access: Access) -> dict[str, Any]:
    """Return the cluster as plugins are told of it."""
    told: dict[str, Any] = {"server": access.server, "insecure-skip-tls-verify": not access.verify}
    if access.authority:
        told["certificate-authority-data"] = base64.b64encode(access.authority.encode()).decode()
    if access.server_name:
        told["tls-server-name"] = access.server_name
    if access.proxy:
        told["proxy-url"] = access.proxy
    for extension in access.cluster.get("extensions") or []:
        if extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return told
