"""Lays a user's fragment over a generated manifest."""

from typing import Any

_APPENDED = frozenset({"envFrom"})


def lay_over(base: Any, top: Any) -> Any:
    """Return `base` with `top` laid over it.

    Mappings merge by key, lists whose items all have a `name` merge by name, `envFrom` is
    appended to, everything else is replaced; None in `top` removes a key. These are the rules people know from
    `kubectl`'s strategic merge for pod templates.
    """
    if isinstance(base, dict) and isinstance(top, dict):
        appended = {
            key: base[key] + top[key] for key in _APPENDED & base.keys() & top.keys() if isinstance(top[key], list)
        }
        merged = {key: lay_over(base.get(key), value) for key, value in top.items() if value is not None} | appended
        kept = {key: value for key, value in base.items() if key not in top}
        return {**kept, **merged}
    if _named(base) and _named(top):
        names = [item["name"] for item in base]
        by_name = {item["name"]: item for item in top}
        changed = [lay_over(item, by_name.get(item["name"], {})) for item in base]
        return changed + [item for item in top if item["name"] not in names]
    return top


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(i, dict) and isinstance(i.get("name"), str) for i in value)
    )
