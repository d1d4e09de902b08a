"""From a cluster without Serinus to the first model that serves: the three commands of docs/getting-started.md, timed.

The cluster is made for it and removed afterwards. The images are in its node before: no pull is part of the figures, and
`imageRegistry` is left out of the first command as the page says. Run by `make bench-quickstart`; the figures are
committed in bench/results/quickstart.json.
"""

import json
import os
import platform
import re
import subprocess
import time

from demo import images
from demo.site import ROOT, bring_up, cluster
from scenarios import model_images

RESULT = ROOT / "bench" / "results" / "quickstart.json"
PAGE = (ROOT / "docs" / "getting-started.md").read_text()
NAME = "serinus-quickstart"
ANSWER = "/api/v1/namespaces/default/services/house-prices:80/proxy/predict"
FLAT = '{"data": [[70, 3, 12]]}'


def commands() -> list[str]:
    """Return the three commands as the page has them, for images that were loaded into the node."""
    block = re.search(r"^## In three commands$.*?^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    found = re.sub(r" --set imageRegistry=\S+", "", block[1]).splitlines() if block else []
    if len(found) != 3:
        raise SystemExit(f"docs/getting-started.md has {len(found)} commands instead of three")
    return found


def main() -> None:
    """Make the cluster, run the commands, keep the figures."""
    cluster("down", "--name", NAME)
    try:
        site = bring_up(NAME)
        images.load(NAME, [images.operator(), model_images.server()])
        environment = {**os.environ, "KUBECONFIG": str(site.kubeconfig), "PATH": f"{site.bin}:{os.environ['PATH']}"}
        taken = {}
        for command in commands():
            began = time.monotonic()
            subprocess.run(["bash", "-euc", command], cwd=ROOT, env=environment, check=True)
            taken[command] = round(time.monotonic() - began, 1)
        answer = json.loads(site.kubectl("create", "--raw", ANSWER, "--filename=-", stdin=FLAT))
        found = {
            "command": "make bench-quickstart",
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[0]:.0f}",
            "images": "in the node before the first command",
            "seconds": taken,
            "seconds from the first command to a model that is Ready": round(sum(taken.values()), 1),
            "its first answer": answer["prediction"],
        }
    finally:
        cluster("down", "--name", NAME)
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
