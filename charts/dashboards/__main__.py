"""Writes the chart's Grafana dashboards: `make dashboard`."""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from charts.dashboards.fleet import fleet
from charts.dashboards.rollout import STEP, rollout

TARGET = Path(__file__).parents[1] / "serinus" / "files" / "dashboards"
BOARDS = {"serinus-models.json": fleet, "serinus-model.json": rollout}


def render(board: Dashboard) -> str:
    """Return a dashboard as the text of its file."""
    found = json.loads(JSONEncoder(sort_keys=True).encode(board.build()))
    for annotation in found.get("annotations", {}).get("list", []):
        # Of Prometheus' own annotations, which the SDK does not know.
        annotation.update({"titleFormat": "{{reason}}", "step": STEP})
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all of them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, board in BOARDS.items():
        (TARGET / name).write_text(render(board()))


if __name__ == "__main__":
    main()
