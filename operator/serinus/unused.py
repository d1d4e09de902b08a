"""Keeps out of memory what an import would bring along and nobody uses."""

import sys
from importlib.util import find_spec, module_from_spec


def leave_out_the_synchronous_client() -> None:
    """Let `kubernetes.aio` be imported without its parent, whose synchronous client and its logins take 7 MiB.

    To be called before anything imports `kubernetes`. Its parts can still be imported by name.
    """
    if "kubernetes" not in sys.modules and (spec := find_spec("kubernetes")):
        sys.modules["kubernetes"] = module_from_spec(spec)
