"""What pretended rollouts of a healthy version say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, lgamma, log, log1p
from statistics import median
from typing import Any

from serinus.analysis import Outcome
from serinus.cli.aa import Run, Stand

CONFIDENCE = 0.95
_HALVINGS = 60


def run_fields(number: int, run: Run, prepared: Stand) -> dict[str, Any]:
    """Return the line of one run."""
    verdict = run.decided.verdict
    return {
        "run": number,
        "rolledBack": verdict.outcome is Outcome.FAIL,
        "reason": verdict.reason,
        "metric": verdict.metric,
        "seconds": round(run.decided.time - prepared.tape.anchor, 3),
        "requestsToProof": requests_to_proof(run),
    }


def requests_to_proof(run: Run) -> float | None:
    """Return how many requests the canary had answered when it was proven, None when it never was."""
    if run.proven is None:
        return None
    return max(found.canary.requests for found in run.proven.tests.values())


def summary_fields(runs: Sequence[Run], prepared: Stand, seed: int) -> dict[str, Any]:
    """Return the last line: how often a healthy version would have been rolled back, and how often proven."""
    failed = [run for run in runs if run.decided.verdict.outcome is Outcome.FAIL]
    proven = [found for run in runs if (found := requests_to_proof(run)) is not None]
    return {
        "summary": "a/a",
        "runs": len(runs),
        "rolledBack": _share(len(failed), len(runs)),
        "alpha": prepared.tape.alpha,
        "proven": _share(len(proven), len(runs)),
        "medianRequestsToProof": median(proven) if proven else None,
        "metrics": dict(sorted(Counter(run.decided.verdict.metric for run in failed).items(), key=str)),
        "dividedBy": prepared.by,
        "pods": len(prepared.pods) or None,
        "canaryPods": prepared.chosen if prepared.pods else None,
        "share": prepared.share,
        "seconds": round(prepared.tape.end - prepared.tape.anchor, 3),
        "seed": seed,
        "leftOut": dict(prepared.tape.left_out),
    }


def exit_code(fields: dict[str, Any]) -> int:
    """Return 1 when more rollouts were rolled back than alpha allows, chance set aside; else 0."""
    return int(fields["rolledBack"]["low"] > fields["alpha"])


def sentence(fields: dict[str, Any]) -> str:
    """Return the summary for people."""
    bad, good = fields["rolledBack"], fields["proven"]
    proof = f", after {fields['medianRequestsToProof']:.0f} requests in the median" if good["count"] else ""
    return (
        f"This policy would have rolled back a healthy version in {bad['count']} of {fields['runs']} rollouts here, "
        f"{_percent(bad)}; alpha is {100 * fields['alpha']:g} %. "
        f"It would have proven it in {good['count']}, {_percent(good)}{proof}."
    )


def clopper_pearson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval of a share, by Clopper and Pearson.

    >>> [round(end, 4) for end in clopper_pearson(0, 200)], [round(end, 4) for end in clopper_pearson(5, 100)]
    ([0.0, 0.0183], [0.0164, 0.1128])
    """
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else _root(lambda p: 1.0 - _at_most(count - 1, total, p) > tail)
    high = 1.0 if count == total else _root(lambda p: _at_most(count, total, p) < tail)
    return low, high


def _root(beyond: Any) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2.0


def _at_most(count: int, total: int, p: float) -> float:
    return sum(
        exp(
            lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) + k * log(p) + (total - k) * log1p(-p),
        )
        for k in range(count + 1)
    )


def _share(count: int, total: int) -> dict[str, float]:
    low, high = clopper_pearson(count, total)
    return {"count": count, "rate": round(count / total, 6), "low": round(low, 6), "high": round(high, 6)}


def _percent(share: dict[str, float]) -> str:
    return f"{100 * share['rate']:.1f} % (95 %: {100 * share['low']:.1f} to {100 * share['high']:.1f} %)"
