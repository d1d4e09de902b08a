"""What the demo leaves behind: the facts of demo.json."""

from dataclasses import dataclass, field
from typing import Any

from demo.counters import Counters
from demo.scene import Evidence, Scene
from load import Load

PROMOTED, TAKEN_BACK = "promoted", "taken back"


@dataclass(slots=True)
class Act:
    """One version: what was expected of it and what became of it."""

    version: int
    expected: str
    image: str
    applied_at: float
    ended_at: float = 0.0
    revision: str = ""
    outcome: str = ""
    """PROMOTED, TAKEN_BACK or what it was doing when the time was over."""
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The version as it is shown."""
        return f"v{self.version}"


@dataclass(slots=True)
class Record:
    """Everything that was seen."""

    overlay: dict[str, Any]
    scene: Scene
    counters: Counters
    load: Load
    began: float
    acts: list[Act] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def timings(self, act: Act) -> dict[str, float | None]:
        """Return how fast a faulty version was taken away, from its first failed answer on."""
        version = str(act.version)
        first, last = self.load.journal.first_injected(version), self.load.journal.last_of(version)
        zero = self.scene.weight_zero(act.revision, first.ended) if first else None
        return {
            "firstFailedAnswer": self.at(first.ended if first else None),
            "weightZero": self.at(zero),
            "lastAnswer": self.at(last.ended if last else None),
            "secondsToWeightZero": round(zero - first.ended, 3) if first and zero else None,
            "secondsToLastAnswer": round(last.ended - first.ended, 3) if first and last else None,
        }

    def at(self, moment: float | None) -> float | None:
        """Return a moment as seconds since the load began."""
        return None if moment is None else round(moment - self.began, 3)

    def peak(self, act: Act) -> float | None:
        """Return the highest evidence that the operator showed against a version."""
        told = (act.status.get("verdict") or {}).get("evidence")
        own = [e.value for e in self.judged(act)]
        return max([*own, *([told] if told is not None else [])], default=None)

    def judged(self, act: Act) -> list[Evidence]:
        """Return the evidence since a version's first traffic; before, the operator shows that of the one before."""
        first = next((s.at for s in self.scene.splits if s.at >= act.applied_at and s.shares.get(act.revision)), None)
        return [e for e in self.scene.evidence if first is not None and first <= e.at <= act.ended_at]


def document(record: Record) -> dict[str, Any]:
    """Return the record as JSON can hold it; times are seconds since the load began."""
    scene, counters = record.scene, record.counters
    summary = record.load.summary()
    return {
        "began": record.began,
        "overlay": record.overlay,
        "rate": record.load.plan.rate,
        "acts": [_act(record, act) for act in record.acts],
        "revisions": {scene.label(revision): revision for revision in scene.images},
        "weights": [
            {"at": record.at(s.at), "weights": {scene.label(r): w for r, w in s.shares.items()}} for s in scene.splits
        ],
        "phases": [{"at": record.at(at), "phase": phase} for at, phase in scene.phases],
        "evidence": [
            {"at": record.at(e.at), "version": act.label, "evidence": e.value, "threshold": e.threshold}
            for act in record.acts
            for e in record.judged(act)
        ],
        "events": [
            {"at": record.at(h.at), "reason": h.reason, "message": h.message, "warning": h.warning}
            for h in scene.happenings
        ],
        "requests": summary.as_dict(),
        "failures": [failure.as_dict() for failure in record.load.journal.failures()[:100]],
        "faults": {
            "client": record.load.journal.faults(),
            "models": counters.faults(),
            "byVersion": {
                version: {
                    "client": record.load.journal.faults(version),
                    "models": round(sum(pod.faults for pod in counters.of(version))),
                    "clientAnswers": summary.versions[version].answers if version in summary.versions else 0,
                    "modelsAnswers": round(sum(pod.requests for pod in counters.of(version))),
                    "pods": len(counters.of(version)),
                }
                for version in counters.versions()
            },
        },
        "timeline": _timeline(record),
        "problems": record.problems,
    }


def _act(record: Record, act: Act) -> dict[str, Any]:
    return {
        "version": act.label,
        "image": act.image,
        "revision": act.revision,
        "expected": act.expected,
        "outcome": act.outcome,
        "appliedAt": record.at(act.applied_at),
        "endedAt": record.at(act.ended_at),
        "seconds": round(act.ended_at - act.applied_at, 1),
        "peakEvidence": record.peak(act),
        **act.status,
        **record.timings(act),
    }


def _timeline(record: Record) -> list[dict[str, Any]]:
    """Count answers by second and version: [ok, failed on purpose, failed otherwise]."""
    seconds: dict[int, dict[str, list[int]]] = {}
    for answer in record.load.journal.window():
        second = seconds.setdefault(int(answer.ended - record.began), {})
        counts = second.setdefault(f"v{answer.version}" if answer.version else "none", [0, 0, 0])
        counts[("ok", "injected", "ours").index(answer.outcome.value)] += 1
    return [{"at": at, "answers": answers} for at, answers in sorted(seconds.items())]
