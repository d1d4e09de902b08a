"""Write what Argo CD is told about ModelDeployments, from the scripts in `resource_customizations`.

`argocd-cm.yaml` is a patch of the ConfigMap `argocd-cm`, `values.yaml` the same for the Helm chart `argo-cd`.
"""

from pathlib import Path

import yaml

HERE = Path(__file__).parent
KIND = HERE / "resource_customizations" / "serinus.dev" / "ModelDeployment"
ACTIONS = ("promote", "abort", "retry", "pause", "resume", "skip-step")
MADE = "# Made by `make argocd` from resource_customizations/.\n"


class Dumper(yaml.SafeDumper):
    """Writes scripts as a person would: line by line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, _text)


def _dump(content: object) -> str:
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, width=120)


def entries() -> dict[str, str]:
    """Return the entries of `argocd-cm`."""
    definitions = [
        {"name": name, "action.lua": (KIND / "actions" / name / "action.lua").read_text()} for name in ACTIONS
    ]
    actions = {"discovery.lua": (KIND / "actions" / "discovery.lua").read_text(), "definitions": definitions}
    return {
        "resource.customizations.health.serinus.dev_ModelDeployment": (KIND / "health.lua").read_text(),
        "resource.customizations.actions.serinus.dev_ModelDeployment": _dump(actions),
    }


def files() -> dict[Path, str]:
    """Return what is to be written where."""
    return {
        HERE / "argocd-cm.yaml": MADE + _dump({"data": entries()}),
        HERE / "values.yaml": MADE + _dump({"configs": {"cm": entries()}}),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
