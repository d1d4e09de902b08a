"""Addresses of models: what a URI means, and how it is shown without credentials."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from serinus_fetch.errors import FetchError, Reason

SCHEMES = ("s3://bucket/path", "gs://bucket/path", "https://host/file", "hf://owner/name", "models:/name/version")


@dataclass(frozen=True)
class ObjectAddress:
    """A key, or everything below it, in a bucket."""

    scheme: str
    bucket: str
    key: str


@dataclass(frozen=True)
class HubAddress:
    """A repository of models on the Hugging Face Hub, or a file or folder of it."""

    repository: str
    revision: str
    path: str


@dataclass(frozen=True)
class RegistryAddress:
    """A version of a model in an MLflow registry."""

    name: str
    version: str


@dataclass(frozen=True)
class WebAddress:
    """A file on a web server."""

    url: str


Address = ObjectAddress | HubAddress | RegistryAddress | WebAddress


def parsed(uri: str) -> Address:
    """Return what a URI names.

    Raises:
        FetchError: it is malformed, holds credentials, or is of another scheme.
    """
    name = shown(uri)
    if not uri.isprintable() or " " in uri:
        raise _invalid(name, "it holds a space or a control character. Percent-encode it")
    try:
        parts = urlsplit(uri)
        if parts.username is not None and parts.scheme != "hf":
            raise _invalid(name, "it holds credentials. Put them into a Secret and name that")
    except ValueError as error:
        raise _invalid(name, f"{error}. Check how it is written") from None
    match parts.scheme:
        case "s3" | "gs":
            return _object(parts, name)
        case "https":
            return _web(uri, parts, name)
        case "hf":
            return _hub(uri, name)
        case "models":
            return _registry(uri, name)
        case "http":
            raise _invalid(name, "http:// can be read and changed on the way. Use https://")
    raise _invalid(name, f"it must begin like one of {', '.join(SCHEMES)}")


def shown(uri: str) -> str:
    """Return a URI for messages: without user, password, query and fragment, which may hold credentials."""
    bare = re.split(r"[?#]", uri, maxsplit=1)[0]
    if not uri.startswith("hf://"):
        bare = re.sub(r"^([a-z0-9+.-]*:)?//[^/]*@", r"\1//", bare, flags=re.IGNORECASE)
    return "".join(char if char.isprintable() else "?" for char in bare)[:500]


def _object(parts: SplitResult, name: str) -> ObjectAddress:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", parts.netloc):
        raise _invalid(name, f"{parts.netloc!r} is no name of a bucket. Write {parts.scheme}://bucket/path")
    if parts.query or parts.fragment:
        raise _invalid(name, "it has a query or fragment, which buckets do not know. Leave it out")
    return ObjectAddress(parts.scheme, parts.netloc, parts.path.lstrip("/"))


def _web(uri: str, parts: SplitResult, name: str) -> WebAddress:
    if not parts.hostname:
        raise _invalid(name, "it names no host. Write https://host/path")
    return WebAddress(uri.partition("#")[0])


def _hub(uri: str, name: str) -> HubAddress:
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([^/@]+))?(?:/(.*))?", uri)
    if not match:
        raise _invalid(name, "write hf://owner/name, hf://owner/name@revision or hf://owner/name@revision/path")
    return HubAddress(match[1], unquote(match[2] or "main"), (match[3] or "").strip("/"))


def _registry(uri: str, name: str) -> RegistryAddress:
    match = re.fullmatch(r"models:/([^/@:]+)/([1-9][0-9]*)", uri)
    if match:
        return RegistryAddress(unquote(match[1]), match[2])
    if re.fullmatch(r"models:/[^/@:]+(@[^/]+|/latest)", uri):
        raise _invalid(
            name, "an alias may move while pods start. The operator pins it; by hand, write models:/name/version"
        )
    raise _invalid(name, "write models:/name/version, with the number of a version")


def _invalid(name: str, problem: str) -> FetchError:
    return FetchError(Reason.INVALID, f"{name}: {problem}.")
