"""Evidence and verdicts, as pure functions of samples and time."""

from .assessment import Assessment, assess
from .finding import Finding, Outcome, Verdict, combine
from .fold import fold
from .judgement import Judgement, begin, reweigh
from .past import DispersionSource
from .policy import ErrorRatePolicy
from .record import Record, from_status, recover, to_status
from .samples import Arm, Counter, Sample, Tally, Target, Window
from .threshold import Breaches, Reading, ThresholdPolicy, judge_threshold
from .weights import Weight

__all__ = [
    "Arm",
    "Assessment",
    "Breaches",
    "Counter",
    "DispersionSource",
    "ErrorRatePolicy",
    "Finding",
    "Judgement",
    "Outcome",
    "Reading",
    "Record",
    "Sample",
    "Tally",
    "Target",
    "ThresholdPolicy",
    "Verdict",
    "Weight",
    "Window",
    "assess",
    "begin",
    "combine",
    "fold",
    "from_status",
    "judge_threshold",
    "recover",
    "reweigh",
    "to_status",
]
