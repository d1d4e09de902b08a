"""`python -m demo`: from nothing to a good version promoted and a bad one taken back."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo import closing, images, install, picture, site
from demo.kube import connect
from demo.record import Record, document
from demo.screen import Screen
from demo.story import HOST, Story
from demo.trouble import Trouble

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 1 when a promise was broken, 2 when this machine lacks something."""
    options = parser().parse_args(arguments)
    screen = Screen()
    try:
        return demo(options, screen)
    except Trouble as trouble:
        if str(trouble):
            screen.note(f"error: {trouble}")
        return trouble.code
    except KeyboardInterrupt:
        screen.note("interrupted; the cluster stays (make cluster-down removes it)")
        return INTERRUPTED


def demo(options: argparse.Namespace, screen: Screen) -> int:
    """Prepare, play, and tell."""
    began = time.monotonic()
    versions = (2, 3, 4) if options.with_v4 else (2, 3)
    screen.title("cluster: Kubernetes, a gateway and Prometheus")
    where = site.bring_up(options.name)
    if not options.installed:
        screen.title("images: the operator and the recommender, trained while it is built")
        wanted = [images.operator(), *(images.recommender(version) for version in (1, *versions))]
        if where.own:
            images.load(options.name, wanted)
        else:
            screen.note(f"your nodes must have them: {', '.join(image.tag for image in wanted)} (examples/README.md)")
        screen.title(f"operator: helm upgrade --install {install.RELEASE} charts/serinus -n {install.SYSTEM}")
        install.chart(where)
    screen.title(f"namespace {install.NAMESPACE}, empty, with the restricted Pod Security Standard")
    install.namespace(where)
    screen.note("laid over each example manifest, so that a rollout takes a minute:")
    screen.note("".join(f"    {line}\n" for line in overlay_lines()).rstrip())
    ready = time.monotonic()

    record = asyncio.run(play(where, screen, options.rate, versions))
    closing.check(record)
    screen.title("what happened")
    screen.note(closing.summary(record))
    screen.note(f"time        {ready - began:.0f} s to prepare, {time.monotonic() - ready:.0f} s for the rollouts")
    options.json.write_text(json.dumps(document(record), indent=1) + "\n")
    screen.note(f"all of it   {options.json}")
    if options.svg:
        options.svg.write_text(picture.draw(document(record)))
    screen.note("\n" + closing.around(where, HOST))
    if "interrupted" in record.problems:
        return INTERRUPTED
    return 1 if record.problems else 0


async def play(where: site.Site, screen: Screen, rate: float, versions: Sequence[int]) -> Record:
    """Play the story over one connection to the API server."""
    async with connect(where) as api:
        return await Story(where, screen, rate).play(api, versions)


def overlay_lines() -> list[str]:
    """Return the overlay without its comments."""
    return [line for line in install.OVERLAY.read_text().splitlines() if not line.lstrip().startswith("#")]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="demo", description="A promotion and a rollback on a real cluster, live.")
    made.add_argument("--name", default=os.environ.get("CLUSTER_NAME", "serinus"), help="the cluster (%(default)s)")
    made.add_argument("--rate", type=float, default=60.0, help="requests a second (%(default)g)")
    made.add_argument("--installed", action="store_true", help="take images and operator as they are in the cluster")
    made.add_argument("--with-v4", action="store_true", help="also a version that fails always")
    made.add_argument("--json", type=Path, default=Path("demo.json"), help="where the facts go (%(default)s)")
    made.add_argument("--svg", type=Path, help="draw the timeline into this file")
    return made


if __name__ == "__main__":
    sys.exit(main())
