"""A run as JSON and as text."""

from typing import Any

from load.answer import Answer
from load.runner import Load
from load.summary import Summary

MAX_FAILURES = 200


def document(load: Load) -> dict[str, Any]:
    """Return everything worth keeping of a run."""
    journal = load.journal
    failures = journal.failures()
    return {
        "target": {"url": load.plan.target.url, "host": load.plan.target.host, "rate": load.plan.rate},
        "summary": load.summary().as_dict(),
        "firstInjected": _moment(journal.first_injected()),
        "versions": {
            version: {
                "firstAnswer": _moment(journal.first_of(version)),
                "firstInjected": _moment(journal.first_injected(version)),
                "lastAnswer": _moment(journal.last_of(version)),
            }
            for version in journal.versions()
        },
        "failures": [failure.as_dict() for failure in failures[:MAX_FAILURES]],
    }


def _moment(answer: Answer | None) -> float | None:
    return None if answer is None else round(answer.ended, 4)


def text(summary: Summary) -> str:
    """Return a few lines for a person."""
    total, client = summary.total, summary.client
    kinds = ", ".join(f"{count} x {kind}" for kind, count in total.kinds.items())
    lines = [
        f"sent {summary.sent} in {summary.seconds:.0f} s: {total.ok} ok, {total.injected} failed on purpose,"
        f" {total.ours} failed otherwise" + (f" ({kinds})" if kinds else ""),
        (
            f"latency ms: p50 {total.latency.p50:g}, p95 {total.latency.p95:g}, p99 {total.latency.p99:g},"
            f" max {total.latency.max:g}"
        ),
    ]
    lines += [
        f"  version {version or '(none named)'}: {own.answers} answers, p50 {own.latency.p50:g} ms,"
        f" p99 {own.latency.p99:g} ms, {own.injected} failed on purpose, {own.ours} otherwise"
        for version, own in summary.versions.items()
    ]
    lines.append(
        f"client: requests started up to {client.lag.max:g} ms late (p99 {client.lag.p99:g}),"
        f" {client.skipped} skipped, {client.cpu:.0%} of a core"
    )
    return "\n".join(lines)
