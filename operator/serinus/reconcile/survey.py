"""Who is to be looked at when somebody begins to lead: rollouts under way at once, the others one by one."""

import random
from collections.abc import Sequence

from serinus.api.status import Phase
from serinus.cluster import resources
from serinus.cluster.client import Cluster, Manifest
from serinus.reconcile.children import left_behind
from serinus.reconcile.queue import Key, Queue
from serinus.reconcile.roster import Roster

RATE = 50.0
"""First looks in a second at ModelDeployments that nothing happens to: each reads all their children."""
_AT_REST = {Phase.STABLE, Phase.QUEUED, Phase.ROLLED_BACK}


async def survey(cluster: Cluster, namespaces: Sequence[str], queue: Queue, roster: Roster) -> None:
    """Queue every ModelDeployment of some namespaces, or of all when there are none, and what others left behind.

    The roster learns who is in progress and who waits.

    Raises:
        ApiError: they could not be listed.
    """
    at_rest = 0
    for namespace in namespaces or ("",):
        async for page in cluster.pages(resources.MODEL_DEPLOYMENT, namespace):
            for item in page:
                rests = _rests(item)
                at_rest += rests
                key = Key(item["metadata"]["namespace"], item["metadata"]["name"])
                roster.survey(item)
                await queue.add(key, at_rest / RATE if rests else 0.0)
        for kind in resources.ROUTES.values():
            async for page in cluster.pages(kind, namespace, metadata_only=True):
                for item in filter(left_behind, page):  # the model was deleted while nobody led
                    await queue.add(Key(item["metadata"]["namespace"], item["metadata"]["name"]))
    await roster.surveyed()


def spread(number: int) -> float:
    """Return when to look at one of a number of ModelDeployments that may have changed, in seconds from now."""
    return random.uniform(0.0, number / RATE)  # noqa: S311 - not a secret


def _rests(item: Manifest) -> bool:
    status = item.get("status") or {}
    generation = item["metadata"].get("generation")
    return status.get("phase") in _AT_REST and status.get("observedGeneration") == generation
