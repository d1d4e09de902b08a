"""Whose series those of a shared answer are: looked at once, not once for each rollout."""

from collections import defaultdict
from collections.abc import Iterable

from serinus.metrics import envoy, pods
from serinus.metrics.series import Series

Owner = tuple[str, str]
"""Namespace and name of a model."""


class Index:
    """The series of one answer by the models that they may belong to."""

    __slots__ = ("_owned", "_ups")

    def __init__(self, series: Iterable[Series]) -> None:
        owned: dict[Owner, list[Series]] = defaultdict(list)
        ups: dict[tuple[str, str], list[Series]] = defaultdict(list)
        known: dict[tuple[str, str], tuple[Owner, ...]] = {}
        for one in series:
            labels = one.labels
            cluster = labels.get("envoy_cluster_name", "")
            place = ("", cluster) if cluster else (labels.get("namespace", ""), labels.get("pod", ""))
            owners = known.get(place)
            if owners is None:
                owners = known[place] = _owners(*place)
            for owner in owners:
                owned[owner].append(one)
            if labels.get("__name__") == "up":
                ups[one.target].append(one)
        self._owned, self._ups = dict(owned), dict(ups)

    def of(self, namespace: str, name: str) -> list[Series]:
        """Return the series that may be of one model, and `up` of the targets that reported them."""
        own = self._owned.get((namespace, name), [])
        targets = {(one.labels.get("job", ""), one.labels.get("instance", "")) for one in own}
        seen = {id(one) for one in own if one.is_up}
        return [*own, *(up for target in sorted(targets) for up in self._ups.get(target, ()) if id(up) not in seen)]


def _owners(namespace: str, place: str) -> tuple[Owner, ...]:
    if namespace:
        return tuple((namespace, model) for model in pods.models(place))
    route = envoy.route(place)
    return () if route is None else (route,)
