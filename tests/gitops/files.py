"""Where the files for Argo CD lie, in the layout of its `resource_customizations`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

GITOPS = Path(__file__).parents[2] / "examples" / "gitops"
KIND = GITOPS / "argocd" / "resource_customizations" / "serinus.dev" / "ModelDeployment"
ACTIONS = KIND / "actions"
HEALTH = (KIND / "health.lua").read_text()
DISCOVERY = (ACTIONS / "discovery.lua").read_text()


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def action(name: str) -> str:
    return (ACTIONS / name / "action.lua").read_text()
