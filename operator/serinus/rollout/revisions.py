"""What status tells of revisions, live and past."""

from collections.abc import Mapping

from serinus.api.status import MAX_HISTORY, MAX_PAST_VERSION, MAX_URI, ModelStatus, PastRevision, RevisionStatus
from serinus.desired.revision import Revision
from serinus.rollout.observation import Observation


def live(revisions: Mapping[str, Revision], seen: Observation, name: str) -> RevisionStatus | None:
    """Return what is told of a revision with pods; None when there is no such revision."""
    revision = revisions.get(name)
    if revision is None:
        return None
    pods = seen.workload(name)
    return RevisionStatus(
        revision=name,
        image=revision.image,
        runtime=revision.runtime or None,
        model=revision.made_from and _told(revision.made_from),
        replicas=pods.replicas,
        ready_replicas=pods.ready,
        digests=sorted(pods.digests)[:5],
    )


def past(revisions: Mapping[str, Revision]) -> list[PastRevision]:
    """Return those that were promoted, the newest first."""
    promoted = [(revision.promoted_at, revision) for revision in revisions.values() if revision.promoted_at is not None]
    newest = sorted(promoted, key=lambda pair: -pair[0])[:MAX_HISTORY]
    return [
        PastRevision(revision=one.hash, image=one.image, model=one.made_from and _brief(one.made_from), promoted_at=at)
        for at, one in newest
    ]


def _told(model: ModelStatus) -> ModelStatus:
    return model.model_copy(update={"uri": (model.uri or "")[:MAX_URI]})


def _brief(model: ModelStatus) -> ModelStatus:
    """Return what is kept of a past model: its address can be long, and there are ten."""
    told = model.model_dump(include={"version", "git_commit", "data_version"}, exclude_none=True)
    return ModelStatus(**{name: text[:MAX_PAST_VERSION] for name, text in told.items()})
