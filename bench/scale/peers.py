"""Serinus and Flagger through the same steps, one after the other in one run. Run by `make bench-peers`."""

import argparse
import tempfile
from pathlib import Path

from cluster import programs

from . import phases, report
from .flagger import Flagger
from .serinus import Serinus
from .stand import stand
from .subject import Figures


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--counts", default="20,300", help="numbers of models, separated by commas; all roll out at once"
    )
    parser.add_argument("--idle", type=float, default=300.0, help="seconds without any change")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the figures")
    options = parser.parse_args()
    for count in options.counts.split(","):
        for kind in (Serinus, Flagger):
            figures = run(kind, int(count), options.idle)
            report.keep(options.results, "peers", "bench-peers", f"{kind.name}, {count}", figures)


def run(kind: type[Serinus] | type[Flagger], count: int, idle: float) -> Figures:
    """Return the figures of one operator, on a fresh control plane."""
    crd = programs.module(programs.FLAGGER_GRAPH, "github.com/fluxcd/flagger") / "artifacts" / "flagger" / "crd.yaml"
    with (
        tempfile.TemporaryDirectory(prefix="serinus-peers-", ignore_cleanup_errors=True) as home,
        stand(Path(home), (kind.name,), [*Serinus.definitions, crd]) as place,
    ):
        figures: Figures = {"by hand": phases.by_hand(place, count)}
        subject = kind(place)
        subject.start()
        try:
            figures["converge"] = phases.converge(place, subject, count)
            figures["idle"] = phases.idle(place, subject, idle)
            figures["storm"] = phases.storm(place, subject, count)
        finally:
            subject.stop()
    return report.said(f"{kind.name}, {count}", figures)


if __name__ == "__main__":
    main()
