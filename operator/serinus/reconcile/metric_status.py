"""What status says of each metric."""

from serinus.analysis import Assessment, Finding
from serinus.api.status import MetricStatus


def of_assessment(name: str, source: str, seen: Assessment) -> MetricStatus:
    """Return what a statistical test saw."""
    canary, stable = seen.canary, seen.stable
    return MetricStatus(
        name=name,
        source=source,
        outcome=seen.outcome,
        reason=seen.reason,
        message=seen.message,
        canary_requests=int(canary.requests),
        canary_errors=None if canary.bad is None else int(canary.bad),
        stable_requests=int(stable.requests),
        stable_errors=None if stable.bad is None else int(stable.bad),
        canary_rate=rounded(canary.rate),
        canary_low=rounded(canary.low),
        canary_high=rounded(canary.high),
        stable_rate=rounded(stable.rate),
        stable_low=rounded(stable.low),
        stable_high=rounded(stable.high),
        bound=rounded(seen.bound),
        evidence=rounded(seen.evidence),
        threshold=rounded(seen.threshold),
        proof=rounded(seen.proof),
        proof_threshold=rounded(seen.proof_threshold),
        dispersion=rounded(seen.dispersion),
        dispersion_source=seen.dispersion_source,
        requests_needed=seen.requests_needed,
    )


def of_finding(name: str, source: str, finding: Finding, value: float | None = None) -> MetricStatus:
    """Return what a rule without counts saw."""
    return MetricStatus(
        name=name,
        source=source,
        outcome=finding.outcome,
        reason=finding.reason,
        message=finding.message,
        value=value,
    )


def rounded(value: float | None) -> float | None:
    """Four significant digits: status is for reading, and is written when it changes."""
    return None if value is None else float(f"{min(value, 1e300):.4g}")
