"""Has the cluster and the images of all scenarios ready before they begin: `python -m scenarios.prepare`.

Without it they bring up what they need when it is their turn.
"""

import os
import sys

from cluster.console import ClusterError
from demo import images
from demo.site import Site, bring_up
from demo.trouble import Trouble
from scenarios import model_images, trained


def up() -> Site:
    """Bring the cluster up, with the images of the operator and of what most scenarios roll out."""
    site = bring_up(os.environ.get("CLUSTER_NAME", "serinus-e2e"))
    versions = [images.recommender(number) for number in range(1, 7)]
    model_images.bring(site, [images.operator(), *versions, images.flask(1), images.flask(2)])
    return site


def main() -> int:
    """Bring all of it up."""
    try:
        site = up()
        model_images.bring(site, model_images.of_models(trained.models()))
    except (ClusterError, Trouble) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
