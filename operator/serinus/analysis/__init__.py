"""Evidence and verdicts, as pure functions of samples and time."""

from .assessment import Assessment, Side
from .bounds import choose
from .finding import Finding, Outcome, Verdict, combine
from .fold import fold
from .judgement import Judgement, begin, reweigh
from .means import MeanPolicy, Means
from .past import DispersionSource
from .policy import RatePolicy
from .record import Record, recover_trial, trial_from_record, trial_record
from .samples import Arm, Counter, Sample, Target, Window
from .threshold import (
    Breaches,
    Compare,
    Reading,
    ThresholdPolicy,
    breaches_from_record,
    breaches_record,
    judge_threshold,
)
from .trial import (
    Latch,
    Policy,
    Trial,
    add_test,
    assess_trial,
    begin_trial,
    next_news,
    reweigh_trial,
    standing,
    standing_until,
    take_in,
)
from .weights import Weight

__all__ = [
    "Arm",
    "Assessment",
    "Breaches",
    "Compare",
    "Counter",
    "DispersionSource",
    "Finding",
    "Judgement",
    "Latch",
    "MeanPolicy",
    "Means",
    "Outcome",
    "Policy",
    "RatePolicy",
    "Reading",
    "Record",
    "Sample",
    "Side",
    "Target",
    "ThresholdPolicy",
    "Trial",
    "Verdict",
    "Weight",
    "Window",
    "add_test",
    "assess_trial",
    "begin",
    "begin_trial",
    "breaches_from_record",
    "breaches_record",
    "choose",
    "combine",
    "fold",
    "judge_threshold",
    "next_news",
    "recover_trial",
    "reweigh",
    "reweigh_trial",
    "standing",
    "standing_until",
    "take_in",
    "trial_from_record",
    "trial_record",
]
