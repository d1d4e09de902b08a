"""Bad input on a real API server: never a crash, never a hot loop, always a condition.

`make fuzz` runs 10,000 specs and keeps what it saw in bench/results/fuzz.md.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from .conftest import CRD, install, start_plane
from .kube import Kube, Manifest, RefusedError, path
from .operator_process import OperatorProcess
from .specs import Specs
from .stand import ROOT, manifest, new_namespace
from .waiting import always, eventually

SEED = 5
COUNT = int(os.environ.get("SERINUS_FUZZ", "300"))
BATCH = 50
LOOKS = 12
"""Most looks at one object until it stands still, for a creation and an edit."""
RESULT = ROOT / "bench" / "results" / "fuzz.md"


@dataclass
class Tally:
    """What became of the specs."""

    refused: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    most_looks: float = 0.0

    def __str__(self) -> str:
        rows = "\n".join(f"| `{reason}` | {count} |" for reason, count in self.reasons.most_common())
        return (
            "# Bad input\n\n"
            "Random and mutated specs (`tests/integration/specs.py`) through a real API server and the operator as a process;\n"
            "one half is created, the other half edits it. `make fuzz` makes this page.\n\n"
            f"- specs: {self.refused + self.accepted}, seed {SEED}\n"
            f"- refused by the API server (schema, CEL): {self.refused}\n"
            f"- accepted, each with a condition for its generation: {self.accepted}\n"
            f"- looks at each object, the most of any batch of {BATCH}: {self.most_looks:.1f}\n"
            "- tracebacks in the operator's log: 0\n\n"
            "| reason of `Ready` | objects |\n|---|---|\n" + rows + "\n"
        )


@pytest.fixture
def bare(assets: Path, gateway_crds: Path, tmp_path: Path) -> Iterator[tuple[Kube, OperatorProcess]]:
    """An API server and the operator, and nobody who would make pods."""
    plane = start_plane(assets, tmp_path)
    kube = Kube(plane)
    install(kube, CRD)
    install(kube, gateway_crds)
    operator = OperatorProcess(plane.kubeconfig, "", tmp_path / "operator.log")
    operator.start()
    operator.wait_until_healthy()
    yield kube, operator
    operator.stop()
    plane.stop()


def looks(operator: OperatorProcess) -> float:
    found = re.search(r"^serinus_reconcile_seconds_count (\S+)$", operator.figures(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def ready(live: Manifest) -> Manifest:
    """Return the condition Ready if it is about the present generation, else nothing."""
    generation = live["metadata"]["generation"]
    found = (c for c in live.get("status", {}).get("conditions", []) if c["type"] == "Ready")
    return next((c for c in found if c["observedGeneration"] == generation), {})


def offer(kube: Kube, namespace: str, specs: list[object], *, edit: bool) -> int:
    """Create a model with each spec, or edit what is there; return how many were refused."""
    refused = 0
    for number, spec in enumerate(specs):
        where = path("modeldeployments", namespace, f"m{number}", fieldValidation="Strict")
        replacement = [{"op": "replace", "path": "/spec", "value": spec}]
        try:
            if edit and kube.get("modeldeployments", namespace, f"m{number}"):
                kube.call("PATCH", where, replacement, "application/json-patch+json")
            else:
                kube.create("modeldeployments", namespace, manifest(namespace, spec, f"m{number}"))
        except RefusedError as error:
            if error.status not in {400, 422}:
                raise
            refused += 1
    return refused


def unanswered(kube: Kube, namespace: str) -> list[object]:
    return [live["spec"] for live in kube.find("modeldeployments", namespace) if not ready(live)]


def test_random_and_mutated_specs(bare: tuple[Kube, OperatorProcess]) -> None:
    kube, operator = bare
    tally, supply = Tally(), iter(Specs(SEED))
    while tally.refused + tally.accepted < COUNT:
        namespace, before, refused = new_namespace(kube), looks(operator), 0
        for edit in (False, True):
            refused += offer(kube, namespace, list(islice(supply, BATCH)), edit=edit)
            eventually(
                lambda namespace=namespace: not unanswered(kube, namespace),
                "a condition for each",
                60,
                show=lambda namespace=namespace: unanswered(kube, namespace),
            )
        live = kube.find("modeldeployments", namespace)
        tally.refused, tally.accepted = tally.refused + refused, tally.accepted + 2 * BATCH - refused
        tally.reasons.update(ready(one)["reason"] for one in live)
        each = (looks(operator) - before) / max(1, len(live))
        tally.most_looks = max(tally.most_looks, each)
        assert each <= LOOKS, f"{each} looks at each object"
        assert '"traceback"' not in operator.log.read_text(), operator.last_words()
        assert operator.running
        for one in live:
            kube.delete("modeldeployments", namespace, one["metadata"]["name"])
    before = looks(operator)
    always(lambda: looks(operator) <= before + BATCH, "it rests when all is gone", 3)
    assert operator.healthy()
    assert tally.accepted > tally.refused / 10, "most of the work must be the operator's"
    if "SERINUS_FUZZ" in os.environ:
        RESULT.write_text(str(tally))
    print(tally)
