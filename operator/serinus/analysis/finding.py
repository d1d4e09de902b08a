"""What any rule may say, and how several rules make one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The four answers, kept apart.

    `Pass`: enough was seen and nothing is over its limit. `Fail`: the canary is worse than allowed.
    `Inconclusive`: the data are good, there is not enough of them. `Blind`: the data are not good.
    """

    PASS = "Pass"  # noqa: S105 - not a password
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    BLIND = "Blind"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one rule.

    Attributes:
        outcome: the answer.
        reason: why, as one CamelCase word.
        message: why, as one sentence with the numbers.
    """

    outcome: Outcome
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict(Finding):
    """The answer of all rules.

    Attributes:
        metric: name of the rule that decided, None without any rule.
    """

    metric: str | None = None


_ORDER = (Outcome.FAIL, Outcome.BLIND, Outcome.INCONCLUSIVE, Outcome.PASS)


def combine(findings: Mapping[str, Finding]) -> Verdict:
    """One verdict out of the findings by name: Fail over Blind over Inconclusive over Pass.

    Among equal outcomes the first decides. The error probability of the verdict is alpha when one
    statistical rule is among the findings; thresholds are outside of alpha. No rule at all is
    Inconclusive: nothing passes unseen.
    """
    if not findings:
        return Verdict(Outcome.INCONCLUSIVE, "NothingToJudge", "No metric is judged.")
    name = min(findings, key=lambda key: _ORDER.index(findings[key].outcome))
    decider = findings[name]
    return Verdict(decider.outcome, decider.reason, decider.message, name)
