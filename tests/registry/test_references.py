"""What an address of a registry names."""

import pytest

from serinus.registry.references import Reference, reference


@pytest.mark.parametrize(
    ("uri", "expected", "moves"),
    [
        ("models:/churn/7", Reference("churn", version="7"), False),
        ("models:/churn@champion", Reference("churn", alias="champion"), True),
        ("models:/churn/latest", Reference("churn"), True),
        ("models:/my%20model/12", Reference("my%20model", version="12"), False),
    ],
)
def test_three_forms(uri: str, expected: Reference, *, moves: bool) -> None:
    found = reference(uri)
    assert found == expected
    assert found.moves is moves
    assert str(found) == uri
    assert found.pinned("9") == f"models:/{expected.name}/9"


@pytest.mark.parametrize(
    "uri",
    [
        "models:/churn",
        "models:/churn/",
        "models:/churn/0",
        "models:/churn/Production",
        "models:/a@b/7",
        "s3://models/churn",
    ],
)
def test_anything_else_is_refused_with_what_to_write(uri: str) -> None:
    with pytest.raises(ValueError, match="write models:/name/7"):
        reference(uri)


def test_the_registry_knows_the_name_decoded() -> None:
    assert reference("models:/my%20model@best").model == "my model"
