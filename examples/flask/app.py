"""House prices, served the way a first tutorial does it: Flask and one route."""

import os
import random

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import BadRequest

# What a linear regression learned: the price in thousands per square metre, room, year of age.
WEIGHTS = {"area": 3.1, "rooms": 12.5, "age": -0.9}
INTERCEPT = 42.0

# The share of requests that fail on purpose, to try out what a broken version does.
FAULT_RATE = float(os.environ.get("FAULT_RATE") or 0)

app = Flask(__name__)


@app.route("/predict", methods=["POST"])
def predict() -> Response | tuple[Response, int, dict[str, str]]:
    """Answer {"area": 70, "rooms": 3, "age": 12} with {"price": 285.7}."""
    if random.random() < FAULT_RATE:
        return jsonify(error="this version fails on purpose"), 500, {"x-injected-fault": "1"}
    house = request.get_json()
    if not isinstance(house, dict):
        raise BadRequest(f"the body is {house!r}: expected an object with {', '.join(WEIGHTS)}")
    price = INTERCEPT + sum(weight * number(house, name) for name, weight in WEIGHTS.items())
    return jsonify(price=round(price, 1))


def number(house: dict[str, object], name: str) -> float:
    """Take one number out of the request, or say which one is wrong (a 400, not a 500)."""
    value = house.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name} is {value!r}: expected a number")
    return value


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
