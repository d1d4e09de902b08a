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

    pattern: re.Pattern[str]
    ignores: bool

    @staticmethod
    def of(line: str) -> "Rule":
        """Read a line that is neither empty nor a comment."""
        ignores = not line.startswith("!")
        text = os.path.normpath(line.removeprefix("!").strip()).lstrip("/")
        return Rule(re.compile(_expression(text) + r"(/.*)?\Z"), ignores)


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
        return Ignore(folder, tuple(Rule.of(line) for line in stripped if line[:1] not in "#"))

    def ignores(self, path: str) -> bool:
        """Whether a path relative to the folder stays out."""
        verdict = False
        for rule in self.rules:
            if rule.pattern.match(path):
                verdict = rule.ignores
        return verdict

    def walk(self) -> Iterator[str]:
        """Every file and link that belongs to the context, sorted.

        A folder that is ignored is not entered unless some rule takes back in.
        """
        prune = all(rule.ignores for rule in self.rules)
        for here, folders, files in os.walk(self.folder):
            inside = Path(here).relative_to(self.folder)
            links = [name for name in folders if Path(here, name).is_symlink()]
            folders[:] = sorted(
                name
                for name in folders
                if name not in links and not (prune and self.ignores(str(inside / name)))
            )
            for name in sorted(files + links):
                if not self.ignores(str(inside / name)):
                    yield str(inside / name)


def _expression(pattern: str) -> str:
    """A .dockerignore pattern as a regular expression over a whole path."""
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern)
    return "".join(
        wild.get(part, part if part.startswith("[") and part.endswith("]") else re.escape(part))
        for part in parts
    )
