"""What Artifact Hub reads of the chart: each annotation parses, and says what the chart installs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from serinus.cli.main import main

pytestmark = pytest.mark.chart

TOP = Path(__file__).parents[2]
CHART: dict[str, Any] = yaml.safe_load((TOP / "charts" / "serinus" / "Chart.yaml").read_text())
PREFIX = "artifacthub.io/"
HUB: dict[str, str] = {
    name.removeprefix(PREFIX): text for name, text in CHART["annotations"].items() if name.startswith(PREFIX)
}
CATEGORIES = {
    "ai-machine-learning", "database", "integration-delivery", "monitoring-logging", "networking", "security", "storage",
    "streaming-messaging",
}  # fmt: skip
CAPABILITIES = {"basic install", "seamless upgrades", "full lifecycle", "deep insights", "auto pilot"}
KINDS = {"added", "changed", "deprecated", "removed", "fixed", "security"}


def listed(name: str) -> list[dict[str, Any]]:
    """Return the entries of an annotation that holds YAML."""
    found = yaml.safe_load(HUB[name])
    assert isinstance(found, list)
    assert found
    return found


def test_every_annotation_is_text() -> None:
    assert all(isinstance(text, str) for text in CHART["annotations"].values())


def test_words_are_the_hubs_own() -> None:
    assert HUB["category"] in CATEGORIES
    assert HUB["operatorCapabilities"] in CAPABILITIES
    assert {HUB[name] for name in ("operator", "prerelease", "containsSecurityUpdates")} <= {"true", "false"}


def test_the_images_are_those_that_the_chart_names(rendered: Any) -> None:
    env = rendered.env
    pods = {
        name.lower().replace("_", "-"): env[f"SERINUS_{name}_IMAGE"]
        for name in ("SERVER", "SERVER_FULL", "STORAGE", "LOGGER")
    }
    assert {one["name"]: one["image"] for one in listed("images")} == {"operator": rendered.container["image"], **pods}


def test_links_and_changes_are_complete() -> None:
    assert all(set(link) == {"name", "url"} and re.match(r"https://[\w.-]+", link["url"]) for link in listed("links"))
    for change in listed("changes"):
        assert set(change) == {"kind", "description"}
        assert change["kind"] in KINDS
        assert isinstance(change["description"], str)


def test_the_definitions_are_those_of_the_chart(rendered: Any) -> None:
    crd = rendered.one("CustomResourceDefinition")
    (told,) = listed("crds")
    assert (told["name"], told["kind"]) == (crd["metadata"]["name"], crd["spec"]["names"]["kind"])
    assert told["version"] in {version["name"] for version in crd["spec"]["versions"]}
    assert told["displayName"]
    assert told["description"]


def test_the_examples_are_what_lint_accepts() -> None:
    examples = listed("crdsExamples")
    done = CliRunner().invoke(main, ["lint", "-"], input=yaml.safe_dump_all(examples))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{len(examples)} models, 0 errors\n"
