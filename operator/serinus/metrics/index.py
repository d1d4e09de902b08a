"""Whose series those of a shared answer are: looked at once, not once for each rollout."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter, is_

from serinus.metrics import envoy, pods
from serinus.metrics.series import Series

_labels = attrgetter("labels")
Owner = tuple[str, str]
"""Namespace and name of a model."""


class Index:
    """The series of one answer by the models that they may belong to.

    `before` is the index of the answer before: when that one held the same label sets (the very
    same objects), nothing is looked at again.
    """

    __slots__ = ("_found", "_owned", "_series", "_ups")

    def __init__(self, series: Sequence[Series], before: "Index | None" = None) -> None:
        self._series = series
        self._owned: dict[Owner, list[int]] = {}
        self._ups: dict[tuple[str, str], list[int]] = {}
        self._found: dict[Owner, tuple[list[int], list[int]]] = {}
        if before is not None and _same(series, before._series):  # noqa: SLF001 - its own kind
            self._owned, self._ups, self._found = before._owned, before._ups, before._found  # noqa: SLF001
        else:
            self._read()

    def of(self, namespace: str, name: str) -> list[Series]:
        """Return the series that may be of one model, and `up` of the targets that reported them."""
        return [self._series[place] for place in self._places((namespace, name))[0]]

    def scrapes(self, namespace: str, name: str) -> tuple[tuple[float, float], ...]:
        """Return the newest scrape of each target that `of` gives: while it stays the same there is no news."""
        ups = [self._series[place] for place in self._places((namespace, name))[1]]
        return tuple([up.samples[-1] for up in ups if up.samples])

    def _places(self, owner: Owner) -> tuple[list[int], list[int]]:
        """Return where a model's series stand, and of them `up` of its targets."""
        found = self._found.get(owner)
        if found is None:
            series, owned = self._series, self._owned.get(owner, ())
            targets = {series[place].target for place in owned}
            ups = sorted({place for target in targets for place in self._ups.get(target, ())})
            found = self._found[owner] = list(dict.fromkeys((*owned, *ups))), ups
        return found

    def _read(self) -> None:
        owned: dict[Owner, list[int]] = defaultdict(list)
        ups: dict[tuple[str, str], list[int]] = defaultdict(list)
        known: dict[tuple[str, str], tuple[Owner, ...]] = {}
        for number, one in enumerate(self._series):
            labels = one.labels
            cluster = labels.get("envoy_cluster_name", "")
            place = ("", cluster) if cluster else (labels.get("namespace", ""), labels.get("pod", ""))
            owners = known.get(place)
            if owners is None:
                owners = known[place] = _owners(*place)
            for owner in owners:
                owned[owner].append(number)
            if one.is_up:
                ups[one.target].append(number)
        self._owned, self._ups = dict(owned), dict(ups)


def _same(series: Sequence[Series], before: Sequence[Series]) -> bool:
    return len(series) == len(before) and all(map(is_, map(_labels, series), map(_labels, before)))


def _owners(namespace: str, place: str) -> tuple[Owner, ...]:
    if namespace:
        return tuple((namespace, model) for model in pods.models(place))
    route = envoy.route(place)
    return () if route is None else (route,)
