"""The only place where names of children are made."""

import hashlib
import json
from typing import Any

HASH_LENGTH = 10


def digest(value: Any) -> str:
    """Return the short hash of a JSON value, the same for equal values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def of_revision(name: str, revision: str) -> str:
    """Return the name shared by a revision's ControllerRevision, Deployment and Service."""
    return f"{name}-{revision}"


def config_map_copy(config_map: str, revision: str) -> str:
    """Return the name of a revision's own copy of a ConfigMap."""
    return f"{config_map[: 253 - HASH_LENGTH - 1]}-{revision}"
