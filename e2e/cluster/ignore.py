"""Which files of a folder go into a build: .dockerignore as Docker reads it.

The last pattern that matches a path, or a folder above it, decides; `!` takes
a path back in.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rule:
    """One line of a .dockerignore."""

    text: str
    ignores: bool

    @staticmethod
    def of(line: str) -> "Rule":
        """Read a line that is neither empty nor a comment."""
        text = os.path.normpath(line.removeprefix("!").strip()).lstrip("/")
        return Rule(text, ignores=not line.startswith("!"))

    def matches(self, path: str) -> bool:
        """Whether the rule speaks of the path or of a folder above it."""
        return bool(re.match(_expression(self.text) + r"(/.*)?\Z", path))

    def reaches_into(self, folder: str) -> bool:
        """Whether the rule may take something below the folder back in."""
        return not self.ignores and (self.text.startswith(f"{folder}/") or "*" in self.text)


@dataclass(frozen=True)
class Ignore:
    """The rules of one context folder."""

    folder: Path
    rules: tuple[Rule, ...]

    @staticmethod
    def of(folder: Path) -> "Ignore":
        """The rules in the folder's .dockerignore, none without one."""
        path = folder / ".dockerignore"
        lines = path.read_text().splitlines() if path.exists() else []
        stripped = (line.strip() for line in lines)
        return Ignore(folder, tuple(Rule.of(line) for line in stripped if line and line[0] != "#"))

    def ignores(self, path: str) -> bool:
        """Whether a path relative to the folder stays out."""
        verdicts = [rule.ignores for rule in self.rules if rule.matches(path)]
        return bool(verdicts) and verdicts[-1]

    def walk(self) -> Iterator[str]:
        """Every file and link that belongs to the context, in a fixed order."""
        yield from self._below("")

    def _below(self, inside: str) -> Iterator[str]:
        for entry in sorted(os.scandir(self.folder / inside), key=lambda entry: entry.name):
            path = f"{inside}/{entry.name}".lstrip("/")
            if not entry.is_dir(follow_symlinks=False):
                if not self.ignores(path):
                    yield path
            elif not self.ignores(path) or any(rule.reaches_into(path) for rule in self.rules):
                yield from self._below(path)


def _expression(pattern: str) -> str:
    """A .dockerignore pattern as a regular expression over a whole path."""
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern)
    return "".join(
        wild.get(part, part if part.startswith("[") and part.endswith("]") else re.escape(part)) for part in parts
    )
