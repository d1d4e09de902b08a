"""Serinus with hundreds and thousands of models on a control plane of its own. Run by `make bench-scale`."""

import argparse
import tempfile
from pathlib import Path

from . import phases, report
from .serinus import Serinus
from .stand import CONTROLLERS_QPS, stand
from .subject import Figures


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="300,1000,5000", help="numbers of ModelDeployments, separated by commas")
    parser.add_argument("--rollouts", type=int, default=300, help="rollouts at once")
    parser.add_argument("--idle", type=float, default=330.0, help="seconds without any change")
    parser.add_argument("--churn", type=float, default=60.0, help="minutes of churn with the first number, 0 for none")
    parser.add_argument(
        "--qps", type=int, default=CONTROLLERS_QPS, help="requests a second of each of Kubernetes' controllers"
    )
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder of the figures")
    options = parser.parse_args()
    for place, count in enumerate(map(int, options.counts.split(","))):
        first = place == 0
        churn = options.churn if first else 0.0
        figures = run(count, min(count, options.rollouts), options.idle, churn, options.qps, by_hand=first)
        column = str(count) if options.qps == CONTROLLERS_QPS else f"{count}, controllers at {options.qps} requests/s"
        report.keep(options.results, "scale", "bench-scale", column, figures)


def run(  # noqa: PLR0913 - what the options say
    count: int, rollouts: int, idle: float, churn: float, qps: int, *, by_hand: bool
) -> Figures:
    """Return the figures of one number of models, on a fresh control plane."""
    figures = Figures()
    with (
        tempfile.TemporaryDirectory(prefix="serinus-scale-", ignore_cleanup_errors=True) as home,
        stand(Path(home), (Serinus.name,), list(Serinus.definitions), qps) as place,
    ):
        if by_hand:
            figures["by hand"] = report.said("by hand", phases.by_hand(place, count))
        subject = Serinus(place)
        subject.start()
        try:
            figures["converge"] = report.said("converge", phases.converge(place, subject, count))
            figures["idle"] = report.said("idle", phases.idle(place, subject, idle))
            figures["storm"] = report.said("storm", phases.storm(place, subject, rollouts))
            if churn:
                figures["churn"] = report.said("churn", phases.churn(place, subject, count, churn))
        finally:
            subject.stop()
    return figures


if __name__ == "__main__":
    main()
