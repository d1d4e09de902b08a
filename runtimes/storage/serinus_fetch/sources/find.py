"""Which source an address belongs to."""

from collections.abc import Mapping

from serinus_fetch.address import Address, HubAddress, ObjectAddress, RegistryAddress, WebAddress
from serinus_fetch.errors import FetchError, Reason
from serinus_fetch.listing import Source
from serinus_fetch.sources.objects import ObjectSource
from serinus_fetch.sources.web import WebSource


def found(address: Address, environ: Mapping[str, str]) -> Source:
    """Return the source of an address.

    Raises:
        FetchError: a setting that it needs is missing or wrong.
    """
    match address:
        case ObjectAddress():
            return ObjectSource(address, environ)
        case WebAddress():
            return WebSource(address, environ)
        case HubAddress() | RegistryAddress():
            raise FetchError(Reason.INVALID, f"{address}: is not built yet.")
