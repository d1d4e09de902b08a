"""What `pip install .` gives a person: the programs, and all that the package has beside its code."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "serinus"
GOOD = """\
apiVersion: serinus.dev/v1alpha1
kind: ModelDeployment
metadata: {name: house-prices}
spec:
  runtime: {name: serinus-server}
  model: {uri: "s3://models/house-prices/1"}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel of this checkout; what the wheel requires is lent by the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin" / "python"]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-compile", ROOT], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    (library(folder) / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def library(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(folder)}))


def run(folder: Path, program: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run an installed program, far from the checkout."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [folder / "bin" / program, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=folder, env=environ)


def files(package: Path) -> set[str]:
    found = (path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(package)) for path in found}


def test_the_whole_package_is_installed_and_nothing_else(installed: Path) -> None:
    assert "runtimes/catalogue.yaml" in files(PACKAGE)
    assert files(library(installed) / "serinus") == files(PACKAGE)
    assert {path.name for path in library(installed).iterdir() if path.suffix not in {".dist-info", ".pth"}} == {
        "serinus"
    }


@pytest.mark.parametrize("program", ["serinus", "kubectl-serinus"])
def test_the_installed_program_checks_manifests(installed: Path, program: str) -> None:
    done = run(installed, program, "lint", "-", stdin=GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "1 model, 0 errors\n")
    done = run(installed, program, "lint", "-", stdin=GOOD.replace("serinus-server", "serinus-servr"))
    assert done.returncode == 1
    assert "spec.runtime.name is 'serinus-servr', which is not in the catalogue" in done.stdout


def test_kubectl_finds_what_completes_its_plugin(installed: Path) -> None:
    done = run(installed, "kubectl_complete-serinus", "li")
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == ["lint", "list", ":4"]
