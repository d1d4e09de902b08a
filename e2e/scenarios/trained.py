"""The models that the scenarios serve, made once per content."""

import sys
from pathlib import Path

from cluster import cache, venvs
from cluster.console import run, step
from demo.site import ROOT

SCRIPT = Path(__file__).with_name("make_models.py")
SERVER = ROOT / "runtimes" / "server"
EXAMPLES = [ROOT / "examples" / name for name in ("sklearn", "onnx", "litert")]


def models() -> Path:
    """Return a folder: `bucket/` is to be uploaded, `litert/` to be made an image of."""
    scripts = [path for folder in EXAMPLES for path in sorted(folder.glob("*.py"))]
    key = cache.digest([SCRIPT, *scripts, SERVER / "requirements" / "dev.txt", sys.version])
    return cache.once(cache.root() / "models" / key, _make)


def _make(folder: Path) -> None:
    interpreter = venvs.of(SERVER)
    with step("training the models of the examples", "10 s"):
        run([interpreter, SCRIPT, folder, *EXAMPLES], env={"PYTHONPATH": "", "OMP_NUM_THREADS": "1"})
