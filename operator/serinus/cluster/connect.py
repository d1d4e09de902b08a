"""Finds the API server: in the cluster by the service account, else by the kubeconfig."""

from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

CONNECTIONS = 64
"""Requests to the API server under way at once."""


async def connect(kubeconfig: str | None, context: str | None) -> ApiClient:
    """Return a client of the API server.

    Raises:
        kubernetes.aio.config.ConfigException: there is neither a service account nor a usable kubeconfig.
    """
    configuration = Configuration(connection_pool_maxsize=CONNECTIONS)
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=kubeconfig, context=context, client_configuration=configuration
        )
    return ApiClient(configuration)
