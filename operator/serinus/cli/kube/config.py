"""Which API server, as whom, in which namespace: kubeconfig files, read and merged as kubectl does it."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from serinus.cli.trouble import Exit, Trouble, nearest

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
"""Fields that name a file, relative to the folder of their kubeconfig."""


@dataclass(frozen=True, slots=True)
class Access:
    """A way to one API server.

    Attributes:
        server: its URL.
        namespace: where to look when nobody says otherwise.
        context: the name of the context, for messages; empty inside a cluster.
        user: the entry of the user, with the paths of its files absolute.
        authority: the certificates to trust, PEM; empty for those of the system.
        verify: false for a server whose certificate is not looked at.
        server_name: the name that the certificate must have; empty for that of the URL.
        proxy: the URL of an HTTP proxy; empty for what the environment says.
        cluster: the entry of the cluster, for credential plugins that ask for it.
    """

    server: str
    namespace: str
    context: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    authority: str = ""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    cluster: Mapping[str, Any] = field(default_factory=dict)


def find(kubeconfig: str | None, context: str | None, environ: Mapping[str, str] = os.environ) -> Access:
    """Return the access that kubectl would use.

    Args:
        kubeconfig: a file; None for $KUBECONFIG, then ~/.kube/config, then the pod's own service account.
        context: the context in it; None for the current one.
        environ: the environment.

    Raises:
        Trouble: there is none that can be used.
    """
    files = _files(kubeconfig, environ)
    there = [file for file in files if file.is_file()]
    if kubeconfig and not there:
        raise Trouble(f"--kubeconfig {kubeconfig} is no file: name another one", Exit.CLUSTER)
    if not there:
        if context is None and (inside := _inside(environ)):
            return inside
        looked = " and ".join(map(str, files))
        raise Trouble(
            f"There is no kubeconfig: looked for {looked}. Get one from whoever runs the cluster, and name it with "
            "--kubeconfig or $KUBECONFIG",
            Exit.CLUSTER,
        )
    return _chosen(_merged(there), context, ", ".join(map(str, there)))


def _files(kubeconfig: str | None, environ: Mapping[str, str]) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig).expanduser()]
    named = [Path(part) for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return named or [Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"]


def _inside(environ: Mapping[str, str]) -> Access | None:
    """Return the access of a pod by its service account; None outside a cluster."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (SERVICE_ACCOUNT / "token").is_file():
        return None
    namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip()
    authority = (SERVICE_ACCOUNT / "ca.crt").read_text()
    host = f"[{host}]" if ":" in host else host
    user = {"tokenFile": str(SERVICE_ACCOUNT / "token")}
    return Access(f"https://{host}:{port}", namespace or "default", user=user, authority=authority)


def _merged(files: list[Path]) -> dict[str, Any]:
    """Join kubeconfig files: what is said first counts."""
    joined: dict[str, Any] = {"clusters": {}, "users": {}, "contexts": {}}
    for file in files:
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), Loader) or {}  # noqa: S506 - a safe loader
            for kind, what in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
                for entry in content.get(kind) or []:
                    found = _absolute(entry.get(what) or {}, file.parent)
                    joined[kind].setdefault(entry["name"], found)
            joined.setdefault("current-context", content.get("current-context") or "")
            joined["current-context"] = joined["current-context"] or content.get("current-context") or ""
        except OSError as error:
            raise Trouble(f"{file} cannot be read: {error.strerror}", Exit.CLUSTER) from None
        except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
            raise Trouble(
                f"{file} is no kubeconfig ({error!r}): correct it, or name another one", Exit.CLUSTER
            ) from None
    return joined


def _absolute(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    paths: dict[str, Any] = {key: str(folder / entry[key]) for key in _FILES if entry.get(key)}
    plugin = entry.get("exec")
    if plugin and os.sep in str(plugin.get("command", "")):
        paths["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return {**entry, **paths}


def _chosen(config: dict[str, Any], context: str | None, files: str) -> Access:
    name, contexts = context or config["current-context"], config["contexts"]
    if not name:
        raise Trouble(
            f"{files} has no current context: choose one with --context or `kubectl config use-context`; "
            f"{nearest('', contexts) or 'there is none'}",
            Exit.CLUSTER,
        )
    if name not in contexts:
        raise Trouble(
            f"There is no context {name!r} in {files}: {nearest(name, contexts) or 'it has none'}", Exit.CLUSTER
        )
    chosen = contexts[name]
    cluster, user = config["clusters"].get(chosen.get("cluster")), config["users"].get(chosen.get("user"), {})
    if not cluster or not cluster.get("server"):
        raise Trouble(
            f"Context {name!r} names the cluster {chosen.get('cluster')!r}, of which {files} says no server: correct it",
            Exit.CLUSTER,
        )
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        namespace=chosen.get("namespace") or "default",
        context=name,
        user=user,
        authority=pem(cluster, "certificate-authority"),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=cluster.get("tls-server-name", ""),
        proxy=cluster.get("proxy-url", ""),
        cluster=cluster,
    )


def pem(entry: Mapping[str, Any], key: str) -> str:
    """Return a certificate or key that an entry holds or names; empty when it does neither.

    Raises:
        Trouble: it cannot be read.
    """
    try:
        if data := entry.get(f"{key}-data"):
            return base64.b64decode(data, validate=True).decode()
        return Path(entry[key]).read_text(encoding="utf-8") if entry.get(key) else ""
    except (OSError, binascii.Error, UnicodeDecodeError) as error:
        raise Trouble(f"The kubeconfig's {key} cannot be read: {error}", Exit.CLUSTER) from None
