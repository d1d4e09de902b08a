"""The e-value of one block of requests against "the canary is not worse than allowed".

Null hypothesis, for the requests of every block: `p_canary <= rho * p_stable + delta`, a convex
half plane. For a point `(a1, b1)` outside of it, let `(a0, b0)` be the point of the half plane that
minimises `n_c KL(a1 || a) + n_s KL(b1 || b)`. The likelihood ratio of `(a1, b1)` to `(a0, b0)` has
expectation at most 1 under every point of the null and grows fastest under `(a1, b1)`: Turner, Ly
and Gruenwald, "Generic E-variables for exact sequential k-sample tests" (J. Stat. Plan. Inference
230, 2024, arXiv 2106.02693), with the convex nulls of Turner and Gruenwald (Stat. Probab. Lett.
2023, arXiv 2203.09785).

The ratio has the form `(1+u)^x_c (1-v)^x_s / C`. Its expectation over `C` is concave in log along
the edge of the null, where its largest value has a closed form, and dividing by that makes *any*
`u` and `v` valid. So `b0` need not be exact: it is the middle root of a cubic, and no iteration is
needed. The same formula serves the reversed null `p_canary >= p_stable + margin`, where `u` and `v`
are negative.

Everything broadcasts: counts and stable's rate of shape `(..., rows, 1)` and alternatives of shape
`(..., rows, alternatives)` give e-values of the latter shape; counts and tolerances may also differ
from one alternative to the next.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
Numbers: TypeAlias = np.ndarray | float
_CERTAIN = 1.0 - 1e-9
_TINY = 1e-12
_NOUGHT = 1e-200


class Block(NamedTuple):
    """Requests of both arms that were served under the same conditions.

    Attributes:
        start: no request is older, Unix seconds.
        end: no canary request is newer, Unix seconds.
        n_c: requests of the canary.
        x_c: bad ones among them, one number per row of the test.
        n_s: requests of stable.
        x_s: bad ones among them, per row.
    """

    start: float
    end: float
    n_c: float
    x_c: Array
    n_s: float
    x_s: Array


def worse(b1: Array, rho: float, delta: float, odds: Array) -> Array:
    """Rates of a canary that is worse than allowed, from stable's expected rate `b1`.

    They have `odds` times the odds of the rate `rho * b1 + delta`. Shape: that of `b1`, which ends
    in 1, by the number of odds. At a limit of about 1 no canary could be worse: the result is the
    limit itself, and its e-values are 1.
    """
    limit = np.minimum(rho * b1 + delta, _CERTAIN)
    scaled = odds * limit
    return scaled / (1.0 - limit + scaled)


def log_e_values(  # noqa: PLR0913, PLR0917 - the numbers of the formula
    n_c: Numbers, x_c: Array, n_s: Numbers, x_s: Array, a1: Array, b1: Array, rho: Numbers, delta: Numbers
) -> Array:
    """Natural logarithms of a block's e-values, one per row and alternative.

    Args:
        n_c: requests of the canary.
        x_c: bad ones among them.
        n_s: requests of stable.
        x_s: bad ones among them.
        a1: the alternatives, rates of the canary on the far side of the null, in (0, 1).
        b1: stable's rate as expected from data before the block, in (0, 1).
        rho: relative tolerance; 0 for an absolute objective, which looks at the canary alone.
        delta: absolute tolerance, or the margin of the reversed null.

    Returns:
        Zeros where the block says nothing: an arm without requests, or nothing outside of the null.
    """
    if not np.count_nonzero(rho):  # a tenth of the time that `np.any` takes
        u = (a1 - delta) / (delta * (1.0 - a1))
        return x_c * np.log1p(u) - n_c * np.log1p(delta * u)
    b0 = nearest(n_c, n_s, a1, b1, rho, delta)
    a0 = rho * b0 + delta
    u = (a1 - a0) / (a0 * (1.0 - a1))
    v = (b0 - b1) / (b0 * (1.0 - b1))
    edge = np.maximum(rho * u * v * (n_c + n_s), _NOUGHT)  # u and v have the same sign
    top = (n_c * rho * u - n_s * v * (1.0 + delta * u)) / edge
    top = np.minimum(np.maximum(top, 0.0), np.minimum(1.0, (1.0 - delta) / rho))
    largest = n_c * np.log1p((rho * top + delta) * u) + n_s * np.log1p(-top * v)
    values = x_c * np.log1p(u) + x_s * np.log1p(-v) - largest
    heard = (n_c > 0.0) & (n_s > 0.0) & (rho * b1 + delta < _CERTAIN)
    return np.where(heard, values, 0.0)


def nearest(  # noqa: PLR0913, PLR0917 - the numbers of the formula
    n_c: Numbers, n_s: Numbers, a1: Array, b1: Array, rho: Numbers, delta: Numbers
) -> Array:
    """Stable's rate `b0` at the point of the null's edge that is nearest to `(a1, b1)`.

    It solves `n_c rho (a1 - a) b (1 - b) + n_s (b1 - b) a (1 - a) = 0` with `a = rho b + delta`, the
    derivative of the convex objective without its positive denominators: a cubic with three real
    roots, of which the middle one lies between `b1` and `(a1 - delta) / rho` (Viete's formula).
    Divided by its first coefficient, `rho^2 (n_c + n_s)`, it is `b^3 + p2 b^2 + p1 b + p0`.
    """
    share = n_c / np.maximum(n_c + n_s, _TINY)
    rest, far = 1.0 - share, (a1 - delta) / rho
    first, last = (1.0 - 2.0 * delta) / rho, delta * (1.0 - delta) / (rho * rho)
    own = share * far
    p2 = -(own + share + rest * (b1 + first))
    p1 = own + rest * (b1 * first - last)
    p0 = rest * b1 * last
    third = p2 / 3.0
    square = np.maximum(third * third - p1 / 3.0, _TINY)
    root = np.sqrt(square)
    cosine = (third * (0.5 * p1 - third * third) - 0.5 * p0) / (square * root)
    angle = np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0))
    b0 = 2.0 * root * np.cos((angle - 2.0 * np.pi) / 3.0) - third
    far = np.minimum(np.maximum(far, _TINY), _CERTAIN)
    low, high = np.minimum(b1, far), np.maximum(b1, far)
    high = np.minimum(high, (_CERTAIN - delta) / rho)  # where nothing is worse than the limit: any value will do
    b0 = np.minimum(np.maximum(b0, low), high)
    # Viete's root is exact to about 1e-8, which is coarse where b0 is small: one step of Newton's.
    slope = np.minimum((3.0 * b0 + 2.0 * p2) * b0 + p1, -_TINY)  # at the middle root the cubic falls
    b0 -= (((b0 + p2) * b0 + p1) * b0 + p0) / slope
    return np.minimum(np.maximum(b0, low), high)
