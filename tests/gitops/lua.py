"""Lua 5.1 as Argo CD runs the scripts of `argocd-cm`: without `string`, `math`, `io`, `debug`, and with little of `os`.

Argo CD's own machine runs the same scripts in `tests/integration/test_argocd.py`.
"""

from __future__ import annotations

from typing import Any

from lupa import lua51

LIBRARIES = ("string", "math", "io", "debug", "coroutine")
LEFT_OF_OS = ("time", "date")


def run(script: str, obj: Any) -> Any:
    """Return what a script returns for the global `obj`, tables as dictionaries and lists.

    Raises:
        lua51.LuaError: the script failed.
    """
    machine = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    machine.execute("getmetatable('').__index = nil")  # else texts keep the methods of `string`
    names = machine.globals()
    for name in LIBRARIES:
        names[name] = None
    names.os = machine.table_from({name: names.os[name] for name in LEFT_OF_OS})
    names.obj = machine.table_from(_without_null(obj), recursive=True)
    return _plain(machine.execute(script))


def _without_null(value: Any) -> Any:
    """A table has no entry for what is nothing."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    items = {key: _plain(item) for key, item in value.items()}
    return [items[number] for number in sorted(items)] if items and all(isinstance(k, int) for k in items) else items
