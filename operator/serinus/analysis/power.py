"""How many requests it takes to find a bad canary: said up front, so that nobody waits for what cannot come."""

from __future__ import annotations

from math import ceil, isfinite, log

NOTICED = 2.0
"""A canary is noticed here that fails this many times as often as is tolerated at most."""
_SEARCH = log(20.0)
"""What the mixture over alternatives and start times costs, in nats."""
_CERTAIN = 1.0 - 1e-9


def requests_needed(stable: float, rho: float, delta: float, dispersion: float, alpha: float) -> int | None:
    """Requests of the canary after which one that is `NOTICED` times as bad as tolerated is usually taken back.

    The evidence grows by `KL(p || limit) / D` a request, `limit` being `rho stable + delta`, and has to reach 1/alpha:
    `(ln(1/alpha) + ln 20) D / KL` (`decision-engine.md` 2.5). What is not known of stable comes on top.

    Args:
        stable: stable's rate of bad requests.
        rho: relative tolerance.
        delta: absolute tolerance.
        dispersion: design effect, at least 1.
        alpha: error probability that is left to the test, in (0, 1).

    Returns:
        None where nothing is twice as bad: no bad request is known and none tolerated, or the limit is above a half.
    """
    limit = rho * stable + delta
    bad = NOTICED * limit
    if not (isfinite(limit) and 0.0 < bad < _CERTAIN):
        return None
    growth = bad * log(bad / limit) + (1.0 - bad) * log((1.0 - bad) / (1.0 - limit))
    return ceil((log(1.0 / alpha) + _SEARCH) * dispersion / growth)
