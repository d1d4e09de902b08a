"""Why a revision that could be made is not what its spec needs."""

from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired import autoscaler
from serinus.desired.revision import Revision


def refusal(spec: ModelDeploymentSpec, found: Revision) -> str:
    """Return in words what the spec asks of a revision that it cannot give; empty when there is nothing."""
    if spec.autoscaling and (unmeasurable := autoscaler.unmeasurable(spec.autoscaling, found.template)):
        return unmeasurable
    if spec.analysis.guard and found.metrics is None:
        return f"spec.analysis.guard is true but runtime {found.runtime} does not count errors"
    return ""
