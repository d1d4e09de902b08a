"""Reads YAML and JSON as kubectl does, and remembers the line of every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Place = tuple[int | str, ...]
Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Broken(Exception):  # noqa: N818 - what it says of the text
    """The text is no YAML; `line` is where, from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(Base):  # type: ignore[misc]
    """Reads dates as text and 1e-3 as a number, as Kubernetes' own YAML does."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in known
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float"}
    ]
    for first, known in Base.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)|[0-9]+\.[0-9]*)$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$"
    ),
    list("-+.0123456789"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One object.

    Attributes:
        content: what it says.
        twice: keys that stand twice in one mapping, with their lines.
    """

    content: Any
    twice: tuple[tuple[str, int], ...]
    _node: yaml.Node

    def line(self, place: Place) -> int:
        """Return the line of a value, or of what it would stand in, from 1."""
        node: yaml.Node = self._node
        found = node.start_mark.line
        for part in place:
            step = _inside(node, part)
            if step is None:
                break
            found, node = step
        return int(found) + 1


def _inside(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def documents(text: str) -> Iterator[Document]:
    """Yield the objects of a text: of several documents, and one by one those of a List.

    Raises:
        Broken: it is no YAML.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            content = loader.construct_document(node)
            yield from _objects(content, node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Broken(_said(error, text), mark.line + 1 if mark else 1) from None
    finally:
        loader.dispose()


def _said(error: Exception, text: str) -> str:
    told = " ".join(str(getattr(error, "problem", None) or error).split())
    if "{{" in text:
        return f"is no YAML ({told}). It looks like a template: render it first, as in `helm template CHART | serinus lint -`"
    return f"is no YAML: {told}"


def _objects(content: Any, node: yaml.Node) -> Iterator[Document]:
    if (
        isinstance(content, dict)
        and isinstance(content.get("items"), list)
        and str(content.get("kind")).endswith("List")
    ):
        inside = _inside(node, "items")
        items = inside[1].value if inside and isinstance(inside[1], yaml.SequenceNode) else []
        for item, item_node in zip(content["items"], items, strict=False):
            yield from _objects(item, item_node)
    elif content is not None:
        yield Document(content, tuple(_twice(node)), node)


def _twice(node: yaml.Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen and key.value != "<<":
                yield str(key.value), key.start_mark.line + 1
            seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value)
