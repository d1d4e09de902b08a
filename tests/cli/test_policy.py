"""Under which names a manifest's pods count."""

import pytest

from serinus.cli.policy import load


@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        ("runtime: {image: 'own:1', port: 80}", None),
        ("runtime: {image: 'own:1', port: 80, metrics: {requests: mine_total}}", "mine_total"),
        ("runtime: {image: 'own:1', grpcPort: 9, metrics: {port: 8, grpc: {}}}", "grpc_server_handled_total"),
        ("runtime: {image: 'own:1', port: 80, grpcPort: 9, metrics: {grpc: {}}}", None),
        ("runtime: {name: bentoml, image: 'fraud:1'}", "bentoml_service_request_total"),
        ("runtime: {name: bentoml, image: 'fraud:1', metrics: {requests: mine_total}}", "mine_total"),
        ("model: {uri: 's3://a/b', format: tensorflow}", ":tensorflow:serving:request_count"),
        ("model: {uri: 's3://a/b', format: of-another-catalogue}", None),
        ("runtime: {name: kserve-sklearn}\n  model: {uri: 's3://a/b', format: sklearn}", None),
    ],
)
def test_the_catalogue_knows_the_counters_of_its_runtimes(spec: str, requests: str | None) -> None:
    assert load(f"kind: ModelDeployment\nspec:\n  {spec}\n").metrics.requests == requests
