"""The only place where labels of children are made.

Pods carry the revision and never the role: stable and canary are facts in status, so a
promotion changes no pod. Labels of the ModelDeployment are not copied: a copied tracking
label makes GitOps tools prune the child.
"""

MODEL = "serinus.dev/modeldeployment"
REVISION = "serinus.dev/revision"
MANAGED_BY = "app.kubernetes.io/managed-by"
PROMOTED_AT = "serinus.dev/promoted-at"
COMMAND = "serinus.dev/command"
TERM = "serinus.dev/term"
MANAGER = "serinus"

Labels = dict[str, str]


def selector(name: str, revision: str | None = None) -> Labels:
    """Return the labels that select the pods of a model, or of one of its revisions."""
    return {MODEL: name} if revision is None else {MODEL: name, REVISION: revision}


def child(name: str, revision: str | None = None) -> Labels:
    """Return the labels of a child object."""
    return {**selector(name, revision), MANAGED_BY: MANAGER, "app.kubernetes.io/name": name}


def selector_text(name: str) -> str:
    """Return the label selector of all pods of a model as text."""
    return f"{MODEL}={name}"
