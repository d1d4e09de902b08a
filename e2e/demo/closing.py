"""The closing summary, and whether the demo kept its promises."""

from demo.counters import Counters
from demo.record import TAKEN_BACK, Act, Record
from demo.site import Site
from load import Journal
from load.summary import Tally

STILL = 1000.0
"""Milliseconds by which a request starts late when the whole machine is overloaded, and not this client."""


def check(record: Record) -> None:
    """Add every broken promise to the record's problems."""
    total = record.load.summary().total
    if total.ours:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in total.kinds.items())
        record.problems.append(f"{total.ours} requests failed other than on purpose: {kinds}")
    record.problems += disagreements(record.load.journal, record.counters)


def disagreements(journal: Journal, counters: Counters) -> list[str]:
    """Compare injected faults by version, and say what can explain a difference."""
    found = []
    for version in sorted({*journal.versions(), *counters.versions()}):
        client, models = journal.faults(version), round(sum(pod.faults for pod in counters.of(version)))
        last = journal.last_of(version)
        unread = counters.unread_after(version, last.ended) if last else []
        if client == models:
            continue
        why = f"{', '.join(unread)} could not be read after the last answer" if unread else ""
        lost = sum(answer.error != "" for answer in journal.failures())
        if lost and not why:
            why = f"{lost} requests got no whole answer, which a model may have counted"
        found.append(
            f"v{version}: the client saw {client} injected faults, the models counted {models}"
            f" ({why or 'every pod was read after its last answer: this is a defect'})"
        )
    return found


def summary(record: Record) -> str:
    """Return what happened, for a person."""
    made = record.load.summary()
    rows = [_act(record, act) for act in record.acts]
    rows += [
        (
            f"requests    {made.sent} sent in {made.seconds:.0f} s, {made.total.ok} ok,"
            f" {made.total.injected} failed on purpose"
        ),
        f"            {made.total.ours} failed other than by a faulty version itself (must be 0)",
        "            "
        + ", ".join(f"v{version} {own.answers} (p99 {own.latency.p99:.0f} ms)" for version, own in _named(record)),
        f"faults      {record.load.journal.faults()} seen by the client, {record.counters.faults()} counted by the models",
        (
            f"client      started its requests {made.client.lag.p99:.1f} ms late at p99, {made.client.lag.max:.0f} at most;"
            f" {made.client.skipped} skipped; {made.client.cpu:.0%} of a core"
        ),
    ]
    if made.client.lag.max > STILL:
        rows.append(
            f"NOTE        this machine stood still for up to {made.client.lag.max / 1000:.1f} s: it had too much to do"
        )
    rows += [f"PROBLEM     {problem}" for problem in record.problems]
    return "\n".join(rows)


def _named(record: Record) -> list[tuple[str, Tally]]:
    return [(version, own) for version, own in record.load.summary().versions.items() if version]


def _act(record: Record, act: Act) -> str:
    verdict, peak = act.status.get("verdict") or {}, record.peak(act)
    evidence = f"evidence up to {peak:.3g} of {verdict.get('threshold') or 100:.3g}" if peak is not None else ""
    row = f"{act.label:<12}{act.outcome} in {act.ended_at - act.applied_at:.0f} s; {evidence}"
    if verdict:
        row += (
            f"\n            the judge saw {verdict.get('canaryErrors')} of {verdict.get('canaryRequests')} canary requests"
            f" fail, {verdict.get('stableErrors')} of {verdict.get('stableRequests')} of stable's"
        )
    if act.expected == TAKEN_BACK:
        times = record.timings(act)
        zero, last = times["secondsToWeightZero"], times["secondsToLastAnswer"]
        row += f"\n            from its first failed answer: weight 0 after {_seconds(zero)}, last answer after {_seconds(last)}"
    return row


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f} s"


def around(site: Site, host: str) -> str:
    """Return how to look around, and how to tear down."""
    url = site.gateway_url
    down = (
        "make cluster-down" if site.own else "kubectl delete namespace demo; helm uninstall serinus -n serinus-system"
    )
    return f"""The cluster stays. Look around:
    export KUBECONFIG={site.kubeconfig} PATH={site.bin}:$PATH
    kubectl get mdep -n demo -w
    kubectl describe mdep -n demo recommender
    curl -i -H 'Host: {host}' '{url}/recommend?user_id=1&user_id=2'
    Prometheus: {site.prometheus_url}
Tear down:
    {down}"""
