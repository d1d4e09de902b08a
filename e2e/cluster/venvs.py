"""Virtual environments beside the checkout, keyed by the lock that they were made from.

`python -m cluster.venvs FOLDER` prints the interpreter for a distribution of its own, such as `runtimes/storage`.
"""

import sys
from pathlib import Path

from cluster import cache
from cluster.console import run, step


def of(distribution: Path) -> Path:
    """The interpreter that a distribution of its own is tested with, after its `requirements/dev.txt`."""
    return python(distribution.name, distribution / "requirements" / "dev.txt", "20 s")


def python(name: str, lock: Path, expected: str) -> Path:
    """The interpreter of an environment with what a hashed lock names, made when it is not in the cache.

    Its programs are called by `python -m`: the scripts know the folder in which they were made only.
    """
    key = cache.digest([lock.read_text(), sys.version])
    folder = cache.once(cache.root() / "venvs" / f"{name}-{key}", lambda partial: _make(name, lock, partial, expected))
    return folder / "bin" / "python"


def _make(name: str, lock: Path, folder: Path, expected: str) -> None:
    with step(f"installing what {name} needs", expected):
        run([sys.executable, "-m", "venv", folder])
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
        ]
        run([folder / "bin" / "python", *install, lock], log=cache.log(f"venv-{name}"))


if __name__ == "__main__":
    print(of(Path(sys.argv[1])))
