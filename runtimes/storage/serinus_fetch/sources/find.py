"""Which source an address belongs to. The libraries of the others are not loaded."""

import os
from collections.abc import Mapping

from serinus_fetch.address import Address, HubAddress, ObjectAddress, RegistryAddress, WebAddress
from serinus_fetch.listing import Source


def found(address: Address, environ: Mapping[str, str]) -> Source:
    """Return the source of an address.

    Raises:
        FetchError: a setting that it needs is missing or wrong.
    """
    match address:
        case ObjectAddress():
            from serinus_fetch.sources.objects import ObjectSource

            return ObjectSource(address, environ)
        case WebAddress():
            from serinus_fetch.sources.web import WebSource

            return WebSource(address, environ)
        case HubAddress():
            os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is loaded
            from serinus_fetch.sources.hub import HubSource

            return HubSource(address, environ)
        case RegistryAddress():
            from serinus_fetch.sources.mlflow import RegistrySource

            return RegistrySource(address, environ, found)
