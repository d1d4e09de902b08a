"""What is asked: request number n of an endless, repeatable sequence."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KNOWN_USERS = 400
UNKNOWN_USERS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the model."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Mix = Callable[[int], Request]


def recommender(number: int) -> Request:
    """Alternate GET /recommend and POST /predict, for known users and now and then a new one."""
    first = number * 37 % (KNOWN_USERS + UNKNOWN_USERS) + 1
    second = number * 11 % KNOWN_USERS + 1
    if number % 2:
        return _post({"user_ids": [first, second], "k": 5})
    return Request("GET", f"/recommend?user_id={first}&user_id={second}&k=5")


def house_prices(number: int) -> Request:
    """POST /predict of the Flask example."""
    return _post({"area": 40 + number % 100, "rooms": 1 + number % 6, "age": number % 60})


def _post(body: Mapping[str, object]) -> Request:
    return Request("POST", "/predict", json.dumps(body).encode())


MIXES: Mapping[str, Mix] = {"recommender": recommender, "house-prices": house_prices}
