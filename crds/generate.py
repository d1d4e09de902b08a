"""Writes the CRD that the models of the API describe: `python crds/generate.py`."""

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "operator"))

from serinus.api.crd import custom_resource_definition

TARGET = Path(__file__).parent / "serinus.dev_modeldeployments.yaml"


def render() -> str:
    """Return the file's text."""
    manifest = yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=120, allow_unicode=True)
    return f"# Generated from operator/serinus/api by `make crds`. Do not edit.\n{manifest}"


if __name__ == "__main__":
    TARGET.write_text(render())
