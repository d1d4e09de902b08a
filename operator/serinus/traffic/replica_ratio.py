"""Splitting by the number of pods behind one Service, where there is no gateway."""

from collections.abc import Mapping

from serinus.traffic.split import SeenSplit


def canary_pods(stable_pods: int, weight: int) -> int:
    """Return how many canary pods beside `stable_pods` come closest to a weight from below.

    At least one and at most as many as stable has: half is the highest split.
    """
    if weight >= 100:
        return stable_pods
    return min(max(1, stable_pods * weight // (100 - weight)), stable_pods)


def read(endpoints: Mapping[str, int], wanted: Mapping[str, int]) -> SeenSplit:
    """Return the split that the Service's ready endpoints give.

    Args:
        endpoints: ready endpoints of the model's own Service, by revision.
        wanted: pods that each revision shall have behind the Service (0 = none).
    """
    total = sum(endpoints.values())
    weights = {revision: round(100 * count / total) for revision, count in endpoints.items() if total}
    missing = [revision for revision, count in wanted.items() if endpoints.get(revision, 0) < count]
    foreign = [revision for revision, count in endpoints.items() if count and not wanted.get(revision)]
    if missing or foreign:
        return SeenSplit(
            weights,
            live=False,
            reason="EndpointsPending",
            problem="the Service's endpoints do not match the split yet",
        )
    return SeenSplit(weights, live=True)
