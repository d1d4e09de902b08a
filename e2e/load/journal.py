"""Every answer of a run, in the order in which they ended."""

from bisect import bisect_left
from collections.abc import Callable, Iterator

from load.answer import Answer, Outcome

Test = Callable[[Answer], bool]


class Journal:
    """Written by the client's thread, readable from any other."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []

    def add(self, answer: Answer) -> None:
        """Append an answer."""
        self._answers.append(answer)

    def __len__(self) -> int:
        return len(self._answers)

    def window(self, since: float | None = None, until: float | None = None) -> list[Answer]:
        """Return the answers that ended in [since, until), times in seconds since the epoch."""
        answers = self._answers[:]
        first = 0 if since is None else bisect_left(answers, since, key=_ended)
        last = len(answers) if until is None else bisect_left(answers, until, key=_ended)
        return answers[first:last]

    def first(self, test: Test, since: float | None = None) -> Answer | None:
        """Return the first answer that passes a test."""
        return next(filter(test, self.window(since)), None)

    def last(self, test: Test) -> Answer | None:
        """Return the last answer that passes a test."""
        return next(filter(test, self._backwards()), None)

    def first_of(self, version: str) -> Answer | None:
        """Return the first answer of a version of the model."""
        return self.first(lambda answer: answer.version == version)

    def last_of(self, version: str) -> Answer | None:
        """Return the last answer of a version of the model."""
        return self.last(lambda answer: answer.version == version)

    def first_injected(self, version: str | None = None) -> Answer | None:
        """Return the first answer that a model (of this version) spoilt on purpose."""
        return self.first(lambda answer: answer.fault and version in (None, answer.version))

    def failures(self, since: float | None = None, until: float | None = None) -> list[Answer]:
        """Return the failures that no model made on purpose."""
        return [answer for answer in self.window(since, until) if answer.outcome is Outcome.OURS]

    def faults(self, version: str | None = None) -> int:
        """Count the answers marked as spoilt on purpose, whole or not."""
        return sum(answer.fault and version in (None, answer.version) for answer in self._answers[:])

    def versions(self) -> list[str]:
        """Return the versions that answered, in the order of their first answers."""
        return list(dict.fromkeys(answer.version for answer in self._answers[:] if answer.version))

    def _backwards(self) -> Iterator[Answer]:
        return reversed(self._answers[:])


def _ended(answer: Answer) -> float:
    return answer.ended
