"""Writes the table of values into the chart's README, from values.yaml and the comments above each value."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "serinus"
VALUES, README = CHART / "values.yaml", CHART / "README.md"
BEGIN, END = "<!-- values: written by make chart-readme -->", "<!-- end of the values -->"
_KEY = re.compile(r"^( *)([A-Za-z_]+):(.*)$")
_DOC = re.compile(r"docs/([\w-]+)\.md")


def comments(text: str) -> dict[str, str]:
    """Return the comment above each value, by its path."""
    found: dict[str, str] = {}
    path: list[str] = []
    told: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("# "):
            told.append(line.lstrip()[2:])
        elif key := _KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            found[".".join(path)] = " ".join(told)
            told = []
        else:
            told = []
    return found


def rows(values: dict[str, Any], told: dict[str, str], at: str = "") -> Iterator[tuple[str, str, str]]:
    """Give path, default and meaning of every value; one with a comment is shown whole."""
    for name, value in values.items():
        path = f"{at}{name}"
        if isinstance(value, dict) and value and (not told[path] or any(told.get(f"{path}.{key}") for key in value)):
            yield from rows(value, told, f"{path}.")
        else:
            yield path, json.dumps(value), told[path]


def table() -> str:
    """Return the table of all values."""
    text = VALUES.read_text()
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for path, default, meaning in rows(yaml.safe_load(text), comments(text)):
        linked = _DOC.sub(lambda found: f"[docs/{found[1]}.md](../../docs/{found[1]}.md)", meaning)
        lines.append(f"| `{path}` | `{default}` | {linked.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def render(readme: str) -> str:
    """Return the README with the table of now."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(render(README.read_text()))
