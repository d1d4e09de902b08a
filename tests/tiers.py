"""Runs the tiers of tests one after the other and says what each one did.

The unit and the integration tier take all of a small machine. Those that are left do not: beside them the cluster of
the last one comes up.

`E2E=0` leaves the real cluster out. Without it, a skipped end-to-end tier is a failure
where it could have run: as root on Linux.

Where several control planes, or a whole cluster, share a small machine, a wait can be too short. A few tests
that failed there run once more with the machine to themselves; what passes then is named in the summary.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

TIERS = {
    "unit": ["tests", "--ignore=tests/chart", "--ignore=tests/integration", "--numprocesses=2", "--dist=worksteal"],
    "chart": ["tests/chart", "--numprocesses=2", "--dist=loadfile"],
    # It waits more than it works, each worker on a control plane of its own.
    "integration": ["tests/integration", "--numprocesses=3", "--dist=worksteal", "--durations=10"],
    # cert-manager takes minutes to build, and no change of ours changes it: it has a target of its own.
    "e2e": ["e2e/scenarios", "--ignore=e2e/scenarios/test_cert_manager.py", "--durations=20"],
}
AGAIN = ("integration", "e2e")
"""Tiers whose failed tests run once more, alone."""
FEW = 3
"""Failed tests of a tier above which it is no chance."""
OWN = {"storage": "runtimes/storage", "server": "runtimes/server"}
"""Tiers of distributions of their own, which are tested with what their own locks name."""


@dataclass
class Outcome:
    """What one tier did."""

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)
    """Each test that was skipped or is expected to fail, with the reason."""
    unsteady: list[str] = field(default_factory=list)
    """Each test that passed only when it ran once more."""
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped in {self.seconds:.0f} s"


def run(name: str) -> Outcome:
    """Run one tier and count."""
    if name in AGAIN:
        return steadied(TIERS[name])
    if name not in OWN:
        return tested(sys.executable, TIERS[name], ROOT)
    command = [sys.executable, "-m", "cluster.venvs", OWN[name]]
    interpreter = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return tested(interpreter, ["tests"], ROOT / OWN[name])


def steadied(arguments: list[str]) -> Outcome:
    """Run a tier, and those few of its tests that failed once more, alone."""
    first = tested(sys.executable, arguments, ROOT)
    if not first.failures or len(first.failures) > FEW:
        return first
    print(f"once more, alone: {', '.join(first.failures)}", flush=True)
    alone = [argument for argument in arguments if not argument.startswith(("--numprocesses", "--dist"))]
    second = tested(sys.executable, [*alone, "--last-failed"], ROOT)
    return Outcome(
        passed=first.passed + second.passed,
        failed=second.failed,
        skipped=first.skipped + second.skipped,
        unsteady=[] if second.failed else first.failures,
        failures=second.failures,
        seconds=first.seconds + second.seconds,
    )


def tested(interpreter: str, paths: list[str], folder: Path) -> Outcome:
    """Run the tests of some paths with an interpreter, in a folder with a pyproject.toml, and count."""
    with tempfile.TemporaryDirectory() as results:
        report = Path(results) / "report.xml"
        began = time.monotonic()
        command = [interpreter, "-m", "pytest", "--quiet", "--no-header", f"--junitxml={report}", *paths]
        status = subprocess.run(command, cwd=folder, check=False).returncode
        outcome = counted(report) if report.exists() else Outcome()
    outcome.seconds = time.monotonic() - began
    if status and not outcome.failed:  # it broke before or after its tests
        outcome.failed = 1
    return outcome


def counted(report: Path) -> Outcome:
    """Count the cases of a JUnit report."""
    outcome = Outcome()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by pytest a moment ago
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
            outcome.failures.append(f"{case.get('classname')}.{case.get('name')}")
        elif skipped is not None:
            outcome.skipped.append(f"{case.get('classname')}.{case.get('name')}: {skipped.get('message')}")
        else:
            outcome.passed += 1
    return outcome


def helm() -> str:
    """Return the helm that the chart is tested with, built once like the cluster's other programs."""
    build = "from cluster import programs; print(programs.built('helm'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


@contextmanager
def preparing() -> Iterator[None]:
    """Bring up what the e2e tier needs for as long as the block lasts, and then wait until it is there.

    Where that fails the tier, which tries again, has the last word.
    """
    with subprocess.Popen([sys.executable, "-m", "scenarios.prepare"], cwd=ROOT) as process:
        try:
            yield
        except BaseException:
            process.terminate()
            raise


def main() -> int:
    """Run all tiers, or those that are named."""
    named = sys.argv[1:] or [*OWN, *TIERS]
    wanted = [name for name in named if name != "e2e" or os.environ.get("E2E") != "0"]
    if "chart" in wanted and "SERINUS_HELM" not in os.environ and (found := helm()):
        os.environ["SERINUS_HELM"] = found
    outcomes = {name: run(name) for name in wanted if name in {"unit", "integration"}}
    with preparing() if "e2e" in wanted else nullcontext():
        outcomes |= {name: run(name) for name in wanted if name not in outcomes and name != "e2e"}
    outcomes |= {"e2e": run("e2e")} if "e2e" in wanted else {}
    print()
    for name, outcome in outcomes.items():
        print(f"{name:12} {outcome}")
        for skipped in outcome.skipped:
            print(f"{'':12} skipped: {skipped}")
        for unsteady in outcome.unsteady:
            print(f"{'':12} passed only when it ran once more, alone: {unsteady}")
    if "e2e" in named and "e2e" not in wanted:
        print(f"{'e2e':12} left out: E2E=0")
    failed = sum(outcome.failed for outcome in outcomes.values())
    could_run = sys.platform == "linux" and os.geteuid() == 0
    if "e2e" in outcomes and not outcomes["e2e"].passed and could_run:
        print("the end-to-end tier did not run although this is root on Linux: set E2E=0 if that is meant")
        failed += 1
    passed = sum(outcome.passed for outcome in outcomes.values())
    print(f"{passed} passed, {failed} failed, {sum(len(o.skipped) for o in outcomes.values())} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
