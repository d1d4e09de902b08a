"""Finds the API server: in the cluster by the service account, else by the kubeconfig."""

from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

CONNECTIONS = 16
"""Requests to the API server under way at once; each connection costs a quarter of a MiB."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to one API server; the watcher logs in with the same."""

    configuration: Configuration

    def client(self, watches: int) -> ApiClient:
        """Return a client of the API server that keeps a number of watches open beside its requests."""
        self.configuration.connection_pool_maxsize = CONNECTIONS + watches
        return ApiClient(self.configuration)

    async def credentials(self) -> dict[str, Any]:
        """Return server, certificates and the token of now, by the names that kopf uses."""
        found = self.configuration
        token = await found.get_api_key_with_prefix("BearerToken")
        return {
            "server": found.host,
            "ca_path": found.ssl_ca_cert,
            "ca_data": found.ca_cert_data,
            "insecure": not found.verify_ssl,
            "certificate_path": found.cert_file,
            "private_key_path": found.key_file,
            "scheme": "Bearer" if token else None,
            "token": token.rpartition(" ")[2] if token else None,  # it comes with its scheme
        }


async def connect(kubeconfig: str | None, context: str | None) -> Connection:
    """Return the connection that this process is meant to use.

    Raises:
        SystemExit: there is neither a service account nor a usable kubeconfig.
    """
    found = Configuration()
    # Without a proxy in the environment there is nothing to trust: aiohttp would read ~/.netrc at every request.
    found.client_session_kwargs = {"trust_env": bool(getproxies())}
    try:
        config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=kubeconfig, context=context, client_configuration=found
            )
        except (config.ConfigException, OSError) as error:
            raise SystemExit(
                "There is neither a service account nor a usable kubeconfig: set SERINUS_KUBECONFIG and "
                f"SERINUS_CONTEXT, or KUBECONFIG ({error})"
            ) from None
    return Connection(found)
