"""The only place where labels of children are made.

Pods carry the revision and never the role: stable and canary are facts in status, so a
promotion changes no pod. Labels of the ModelDeployment are not copied: a copied tracking
label makes GitOps tools prune the child.
"""

import re

MODEL = "serinus.dev/modeldeployment"
REVISION = "serinus.dev/revision"
MANAGED_BY = "app.kubernetes.io/managed-by"
PROMOTED_AT = "serinus.dev/promoted-at"
COMMAND = "serinus.dev/command"
TERM = "serinus.dev/term"
MODEL_URI = "serinus.dev/model-uri"
MODEL_VERSION = "serinus.dev/model-version"
GIT_COMMIT = "serinus.dev/git-commit"
DATA_VERSION = "serinus.dev/data-version"
MANAGER = "serinus"

Labels = dict[str, str]
_NO_VALUE = re.compile(r"[^A-Za-z0-9._-]+")


def selector(name: str, revision: str | None = None) -> Labels:
    """Return the labels that select the pods of a model, or of one of its revisions."""
    return {MODEL: name} if revision is None else {MODEL: name, REVISION: revision}


def child(name: str, revision: str | None = None) -> Labels:
    """Return the labels of a child object."""
    return {**selector(name, revision), MANAGED_BY: MANAGER, "app.kubernetes.io/name": name}


def value(text: str) -> str:
    """Return a text as the value of a label: 63 characters of letters, digits, dots, dashes and underscores."""
    return _NO_VALUE.sub("-", text).strip("-._")[:63].strip("-._")


def selector_text(name: str) -> str:
    """Return the label selector of all pods of a model as text."""
    return f"{MODEL}={name}"
