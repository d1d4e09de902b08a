"""A .dockerignore, as Docker reads it."""

from pathlib import Path

import pytest

from cluster.ignore import Ignore

FILES = ("app.py", "src/a.py", "src/deep/b.py", "src/__pycache__/a.pyc", "notes/x.md", "data/keep.csv")


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ("", set(FILES)),
        ("# nothing\n\n", set(FILES)),
        ("src", {"app.py", "notes/x.md", "data/keep.csv"}),
        ("/src/\n", {"app.py", "notes/x.md", "data/keep.csv"}),
        ("**/__pycache__", set(FILES) - {"src/__pycache__/a.pyc"}),
        ("*.py", set(FILES) - {"app.py"}),
        ("**/*.py", {"src/__pycache__/a.pyc", "notes/x.md", "data/keep.csv"}),
        ("*\n!src/deep", {"src/deep/b.py"}),
        ("*\n!src\n**/__pycache__", {"src/a.py", "src/deep/b.py"}),
        ("data/?eep.csv\nnotes/[a-z].md", {"app.py", "src/a.py", "src/deep/b.py", "src/__pycache__/a.pyc"}),
        ("!src\nsrc", {"app.py", "notes/x.md", "data/keep.csv"}),
    ],
)
def test_what_is_left(tmp_path: Path, rules: str, kept: set[str]) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text(rules)
    assert set(Ignore.of(tmp_path).walk()) - {".dockerignore"} == kept


def test_a_link_to_a_folder_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert list(Ignore.of(tmp_path).walk()) == ["link"]
