"""Writes docs/api.md from the CRD: `python docs/generate_api.py`."""
# ruff: noqa: INP001

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).parent / "api.md"
CRD = TARGET.parents[1] / "crds" / "serinus.dev_modeldeployments.yaml"
Schema = dict[str, Any]
LIMITS = {"minimum": "at least {}", "maximum": "at most {}", "maxLength": "at most {} characters"}
LIMITS |= {"minItems": "{} items or more", "maxItems": "at most {} items", "pattern": "`{}`"}
HEAD = """<!-- Generated from crds/ by docs/generate_api.py. Do not edit. -->
# API reference
`serinus.dev/v1alpha1`, kind `ModelDeployment`, short name `mdep`. `kubectl explain mdep.spec` shows the same text.
A duration is written as in Go: `30s`, `5m`, `1h30m`, `250ms`; at most 31 days. A default is shown where the API server
fills it in. The operator writes status; [getting started](getting-started.md#read-the-status) shows how to read it.
"""


def kind(schema: Schema) -> str:
    """Return the type of a field in words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {kind(schema['items'])}"
    return "duration" if schema.get("pattern", "").endswith("(ms|s|m|h))+$") else str(schema["type"])


def limits(schema: Schema) -> str:
    """Return what a value may be."""
    if kind(schema) == "duration":
        return ""
    found = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    if schema.get("exclusiveMinimum"):
        found[0] = f"above {schema['minimum']}"
    if schema["type"] == "array" and (each := limits(schema["items"])):
        found.append(f"each {each}")
    return cell(", ".join(found))


def cell(text: str) -> str:
    """Return a text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def rules(schema: Schema) -> str:
    """Return what the API server checks beside types and limits."""
    return "".join(f" Rule: {rule['message']}." for rule in schema.get("x-kubernetes-validations", []))


def section(path: str, schema: Schema) -> Iterator[str]:
    """Yield the lines on an object, and on those in it."""
    yield f"\n## {path}\n"
    yield f"{schema.get('description', '')}{rules(schema)}\n".lstrip()
    yield "| field | type | default | limits | meaning |\n|---|---|---|---|---|"
    for name, field in schema["properties"].items():
        default = cell(yaml.safe_dump(field.get("default"), default_flow_style=True, width=999).split("\n")[0])
        shown = "required" if name in schema.get("required", []) else f"`{default}`" if "default" in field else ""
        meaning = cell(field.get("description", "") + ("" if "properties" in field else rules(field)))
        yield f"| `{name}` | {kind(field)} | {shown} | {limits(field)} | {meaning} |"
    for name, field in schema["properties"].items():
        inner, mark = (field["items"], "[]") if field["type"] == "array" else (field, "")
        if "properties" in inner:
            yield from section(f"{path}.{name}{mark}", inner)


def render() -> str:
    """Return the page."""
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    parts = [line for part in ("spec", "status") for line in section(part, root["properties"][part])]
    return "\n".join([HEAD, rules(root).lstrip(), *parts]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render())
