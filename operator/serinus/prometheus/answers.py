"""What a Prometheus server's answer says: series, or the reason why it cannot be used.

An answer may hold a hundred thousand series, so each of them takes few steps. Most of its text are
labels, and the same ones come again with the next answer: they are read once.
"""

from functools import partial
from itertools import accumulate, islice, repeat
from typing import Any

import orjson

from serinus.garbage import undisturbed
from serinus.metrics.series import Buckets, Series, ascending

_new = tuple.__new__
"""Twice as fast as the constructor of a named tuple."""


class Unavailable(Exception):  # noqa: N818 - a state of the server, named as status names it
    """Prometheus could not be asked, or its answer could not be used."""


_HEAD, _TAIL = b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":', b"]}]}}"
_BETWEEN, _VALUES = b']},{"metric":', b'},"values":['
"""No label can hold these: its quotes would be escaped."""

_HISTOGRAMS = b'"histograms"'
_series = partial(_new, Series)


class Known:
    """The label sets of an answer and their texts: the next one has the same, and usually in the same order."""

    __slots__ = ("_labels", "_texts")

    def __init__(self) -> None:
        """Know none."""
        self._texts: list[bytes] = []
        self._labels: list[dict[str, str]] = []

    def of(self, texts: list[bytes]) -> list[dict[str, str]]:
        """Return the label sets with these texts, the very same objects as before, and know these from now on."""
        if texts != self._texts:
            before = dict(zip(self._texts, self._labels, strict=True))
            self._labels = [before.get(text) or orjson.loads(text + b"}") for text in texts]
            self._texts = texts
        return self._labels


def series_of(status: int, body: bytes, known: Known | None = None) -> list[Series]:
    """Return the series of an answer to a query.

    Args:
        status: of the HTTP answer.
        body: of it.
        known: label sets of the answer before, which becomes those of this one.

    Raises:
        Unavailable: it holds none, with the reason.
    """
    try:
        with undisturbed():
            if known is not None and (found := _plain_matrix(body, known)) is not None:
                return found
            answer = _success(status, body)
            result: Any = answer["data"]["result"]
            kind = answer["data"]["resultType"]
            if kind == "scalar":
                return [Series({}, _samples([result]))]
            return [_matrix(item) for item in result] if kind == "matrix" else [_vector(item) for item in result]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _nonsense(status, body) from error


def parse_error(status: int, body: bytes) -> str | None:
    """Return what is wrong with a query, from the answer of `format_query`; None when it parses.

    Raises:
        Unavailable: the server does not say.
    """
    try:
        answer = orjson.loads(body)
        if answer["status"] == "success" and isinstance(answer["data"], str):
            return None
        if answer["status"] == "error" and answer["errorType"] == "bad_data":
            return str(answer["error"]).removeprefix('invalid parameter "query": ')
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _nonsense(status, body) from error
    raise _nonsense(status, body)


def _plain_matrix(body: bytes, known: Known) -> list[Series] | None:
    """Return the series of a matrix as Prometheus writes it, None when it has to be read in full."""
    if not (body.startswith(_HEAD) and body.endswith(_TAIL)) or _HISTOGRAMS in body:
        return None
    parts = body[len(_HEAD) : -len(_TAIL)].replace(_BETWEEN, _VALUES).split(_VALUES)
    if len(parts) % 2:
        return None
    labels = known.of(parts[::2])
    found = orjson.loads(b"[[" + b"],[".join(parts[1::2]) + b"]]")
    samples = iter([(time + 0.0, float(value)) for pairs in found for time, value in pairs])
    counted = [tuple(islice(samples, len(pairs))) for pairs in found]
    return list(map(_series, zip(labels, counted, repeat(()))))


def _success(status: int, body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(body)
    if answer["status"] != "success":
        raise Unavailable(f"HTTP {status}: {answer.get('errorType', '')}: {answer.get('error', '')}")
    return answer


def _nonsense(status: int, body: bytes) -> Unavailable:
    return Unavailable(f"HTTP {status} with an answer that is not Prometheus': {body[:200]!r}")


def _matrix(item: dict[str, Any]) -> Series:
    native = item.get("histograms")
    if not native:
        return _new(Series, (item["metric"], tuple([(time + 0.0, float(value)) for time, value in item["values"]]), ()))
    return Series(item["metric"], _samples(item.get("values", [])), _histograms(native))


def _vector(item: dict[str, Any]) -> Series:
    if "histogram" in item:
        return Series(item["metric"], (), _histograms([item["histogram"]]))
    return Series(item["metric"], _samples([item["value"]]))


def _samples(pairs: list[Any]) -> tuple[tuple[float, float], ...]:
    return tuple([(time + 0.0, float(value)) for time, value in pairs])


def _histograms(pairs: list[Any]) -> tuple[tuple[float, Buckets], ...]:
    return tuple([(time + 0.0, _buckets(histogram)) for time, histogram in pairs])


def _buckets(histogram: dict[str, Any]) -> Buckets:
    count, filled = float(histogram["count"]), histogram.get("buckets") or []
    if not filled:
        return Buckets(count)
    _, lefts, rights, counts = zip(*filled, strict=True)
    lower, upper = tuple(map(float, lefts)), tuple(map(float, rights))
    if not ascending(lower, upper):
        raise ValueError("buckets that are not in order")
    return Buckets(count, lower, upper, tuple(accumulate(map(float, counts))))
