"""What the module of Argo CD holds beside its programs, and its Lua machine by itself."""

import json
import subprocess
from pathlib import Path
from typing import Any

from cluster import programs

MODULE = "github.com/argoproj/argo-cd/v3"


def manifests() -> Path:
    """Return the folder of the manifests that an installation applies."""
    return programs.module(programs.ARGOCD_GRAPH, MODULE) / "manifests"


def lua(program: Path, tasks: list[dict[str, Any]]) -> list[Any]:
    """Return what Argo CD's own Lua machine makes of scripts and objects, each a `kind`, a `script` and an `object`."""
    asked = json.dumps(tasks)
    done = subprocess.run([program, "lua"], input=asked, capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found
