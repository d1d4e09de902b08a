"""`serinus lint`: what the cluster would say, with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from serinus.cli.lint.documents import documents
from serinus.cli.main import main

GOOD = """\
apiVersion: serinus.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: recommender
  labels: {team: ml}
spec:
  replicas: 3
  runtime:
    image: registry.example.com/recommender:1.4.0
    port: 8000
  rollout:
    steps:
      - weight: 5
      - weight: 25
  analysis:
    alpha: 1e-3
"""


def lint(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *arguments], input=text)


def told(text: str, *arguments: str) -> list[str]:
    """Return what is said of a text, line by line."""
    result = lint("-", *arguments, text=text)
    assert result.exit_code == (1 if result.stdout else 0)
    return result.stdout.splitlines()


def test_a_good_manifest_is_counted_and_nothing_is_said() -> None:
    result = lint("-", text=GOOD)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1 model, 0 errors\n")


WRONG: list[tuple[str, str, str]] = [
    ("    image: ", "    imge: x:1\n    image: ", "9: spec.runtime.imge: unknown field: did you mean image?"),
    ("replicas: 3", 'replicas: "3"', "7: spec.replicas: must be of type integer (it is '3'): take the quotes away"),
    ("replicas: 3", "replicas: true", "7: spec.replicas: must be of type integer (it is 'True')"),
    ("replicas: 3", "replicas: 0", "7: spec.replicas: Input should be greater than or equal to 1 (it is '0')"),
    ("    port: 8000\n", "", "8: spec.runtime: port: Field required beside image"),
    ("- weight: 25", "- {weight: 25, minDuration: 60}", "14: spec.rollout.steps[1].minDuration: must be of type string (it is '60'): write it like"),
    ("- weight: 25", "- {weight: 25, minDuration: soon}", "14: spec.rollout.steps[1].minDuration: 'soon' is not a duration"),
    ("- weight: 25", "- weight: 5", "11: spec.rollout: steps[1].weight is 5 but must be above"),
    ("- weight: 25", "- pause: true", "14: spec.rollout.steps[1].weight: is missing, but required"),
    ("alpha: 1e-3", "alpha: null", ""),
    ("port: 8000", "port: null", "8: spec.runtime: port: Field required beside image"),
    ("name: recommender", "name: Recommender", "4: metadata.name must be a DNS label"),
    ("name: recommender", f"name: {'a' * 47}", "4: metadata.name must be at most 46 characters"),
    ("name: recommender", "nam: recommender", "4: metadata.nam: unknown field: did you mean name"),
    ("team: ml", "team: 7", "5: metadata.labels.team is 7, but must be a text: put it in quotes"),
    ("kind: ModelDeployment", "kind: ModelDeploymnt", "2: kind is 'ModelDeploymnt': did you mean ModelDeployment?"),
    ("v1alpha1", "v1", "1: apiVersion is 'serinus.dev/v1', but must be serinus.dev/v1alpha1"),
    ("spec:", "sepc:", "spec: is missing, but required"),
    ("spec:", "sepc:", "6: sepc: unknown field: did you mean spec?"),
    ("  replicas: 3", "  replicas: 3\n  replicas: 4", "8: replicas stands twice in one object"),
    ("    image: registry.example.com/recommender:1.4.0\n    port: 8000", "    name: serinus-servr", "spec.runtime.name is 'serinus-servr', which is not in the catalogue"),
    ("  replicas: 3", "  autoscaling: {maxReplicas: 3, cpuUtilization: 70}", "set spec.runtime.resources.requests.cpu"),
    ("    alpha: 1e-3", "    guard: true\n    alpha: 1e-3", "name the container's request counter"),
    ("spec:", "spec: [1]\nx:", "6: spec: must be of type object (it is '[1]')"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "said"), WRONG)
def test_what_is_wrong_is_said_with_its_line(before: str, after: str, said: str) -> None:
    assert before in GOOD
    found = told(GOOD.replace(before, after, 1))
    assert not said or any(said in line for line in found), found
    assert bool(found) is bool(said)


def test_a_field_that_has_the_wrong_type_is_told_of_once() -> None:
    assert len(told(GOOD.replace("replicas: 3", "replicas: [3]"))) == 1


def test_documents_lists_and_other_kinds_are_told_apart() -> None:
    other = "apiVersion: v1\nkind: ConfigMap\ndata: {spec: x}\n"
    inside = "".join(f"    {line}\n" for line in GOOD.replace("replicas: 3", "replicas: 0").splitlines())
    listed = f"apiVersion: v1\nkind: List\nitems:\n  -\n{inside}"
    result = lint("-", text=f"---\n{other}---\n{GOOD}---\n---\n{listed}")
    assert result.stderr == "2 models, 1 error\n"
    assert result.stdout.startswith("<stdin>:34: spec.replicas")


def test_json_is_yaml_too() -> None:
    (document,) = documents(GOOD)
    assert told(json.dumps(document.content)) == []


def test_dates_and_switches_are_read_as_kubernetes_reads_them() -> None:
    (document,) = documents("{a: 2026-01-02, b: 1e3, c: 1.5, d: 12, e: on, f: .5, g: '1'}")
    assert document.content == {"a": "2026-01-02", "b": 1000.0, "c": 1.5, "d": 12, "e": True, "f": 0.5, "g": "1"}


def test_folders_are_walked_and_other_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "bad.yml").write_text(GOOD.replace("replicas", "replica"))
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("{{")
    result = lint(str(tmp_path))
    assert result.stdout == f"{tmp_path}/deep/bad.yml:7: spec.replica: unknown field: did you mean replicas?\n"
    assert result.stderr == "2 models, 1 error\n"


def test_a_template_that_is_not_rendered_says_how() -> None:
    (line,) = told(f"a: {{{{ .Values.x }}}}\n{GOOD}")
    assert line.startswith("<stdin>:1: is no YAML")
    assert "helm template CHART | serinus lint -" in line


def test_findings_come_as_json() -> None:
    result = lint("-", "-o", "json", text=GOOD.replace("replicas: 3", "replicas: 0"))
    (found,) = json.loads(result.stdout)
    assert (found["file"], found["line"], found["model"]) == ("<stdin>", 7, "recommender")


def test_a_catalogue_may_be_laid_over(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("runtimes: {mine: {image: 'mine:1', port: 9000}}\n")
    text = GOOD.replace("    image: registry.example.com/recommender:1.4.0\n    port: 8000", "    name: mine")
    assert "not in the catalogue" in told(text)[0]
    assert told(text, "--runtimes", str(tmp_path / "own.yaml")) == []


NOTHING: list[tuple[dict[str, Any], str]] = [
    ({"a.yaml": "kind: ConfigMap"}, "There is no ModelDeployment"),
    ({"a.txt": ""}, "holds no file that ends in .yaml"),
    ({"a.yaml": b"\xff\xfe\xfa"}, "cannot be read"),
]


@pytest.mark.parametrize(("files", "said"), NOTHING)
def test_nothing_to_check_is_no_success(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    result = lint(str(tmp_path))
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    assert "/nowhere.yaml cannot be read: No such file" in lint("/nowhere.yaml").stderr
