"""`python3 -m cluster <verb>`: see README.md beside this file."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from cluster import daemon, load, programs
from cluster.console import ClusterError, say
from cluster.current import Current
from cluster.local import Local

Options = argparse.Namespace
DEFAULT_NAME = "serinus"


def up(options: Options) -> None:
    """Bring a cluster up, or bring the running one up to date."""
    _cluster(options).up()


def down(options: Options) -> None:
    """Remove a cluster; with --all every one that was made here, and our docker daemon."""
    if not options.all:
        Local(options.name).down()
        return
    for name in Local.names():
        Local(name).down()
    daemon.stop()


def info(options: Options) -> None:
    """Print, as JSON, what it takes to use a cluster."""
    print(json.dumps(_cluster(options).info(), indent=2))


def load_images(options: Options) -> None:
    """Build images and load them into a cluster; what is there already is skipped."""
    if not len(options.tag) == len(options.file) == len(options.context):
        raise ClusterError("load: each image needs one --tag, one --file and one context folder", 2)
    cluster = Local(options.name)
    cluster.require()
    sources = map(load.Source, options.tag, options.file, options.context)
    load.load(cluster, [load.build(source) for source in sources])


def images(_: Options) -> None:
    """Print the tags of the images that were built here."""
    if daemon.find():
        print("\n".join(load.known()))


def assets(_: Options) -> None:
    """Build a control plane for integration tests and print its folder."""
    print(programs.assets())


def docker_stop(_: Options) -> None:
    """Stop the docker daemon that `up` started, and no other."""
    daemon.stop()


def _cluster(options: Options) -> Local | Current:
    return Current.named(options.context) if options.current else Local(options.name)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="cluster", description=__doc__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, function: Callable[[Options], None]) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=function.__doc__, description=function.__doc__)
        made.set_defaults(verb=function)
        return made

    def named(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument("--name", default=DEFAULT_NAME, help="the cluster (%(default)s)")
        return made

    for name, function in (("up", up), ("info", info)):
        made = named(verb(name, function))
        made.add_argument("--current", action="store_true", help="use a cluster of yours")
        made.add_argument("--context", help="its kubectl context")
    named(verb("down", down)).add_argument("--all", action="store_true")
    loading = named(verb("load", load_images))
    loading.add_argument("--tag", action="append", required=True)
    loading.add_argument("--file", action="append", required=True, type=Path)
    loading.add_argument("context", nargs="+", type=Path)
    verb("images", images)
    verb("assets", assets)
    verb("docker-stop", docker_stop)
    return top


def main() -> int:
    """Run one verb; a ClusterError is told in words, never as a traceback."""
    options = parser().parse_args()
    try:
        options.verb(options)
    except ClusterError as failure:
        say(f"error: {failure}")
        return failure.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
