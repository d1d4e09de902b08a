"""`serinus simulate`: replays a policy over recorded counters."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from serinus.cli.policy import Policy
    from serinus.cli.replay import Result, Tick
    from serinus.cli.tape import Tape


class Refused(click.ClickException):
    """A wrong use or a broken input."""

    exit_code = 2


_REPLAY = (
    "Replay a policy over RECORDING, JSON lines of counters (- for standard input), or over a range of Prometheus."
)
_CODES = "Exit code: 0 promoted, 1 rolled back, 2 wrong use or broken input, 3 not enough evidence or no sight."
_NEEDS = ("numpy", "orjson", "aiohttp")
_PROMETHEUS = ("namespace", "name", "stable", "canary", "start", "end")


@click.command(help=f"{_REPLAY}\n\n{_CODES}\n\nThe format of a recording: docs/simulate.md.")
@click.argument("recording", required=False)
@click.option("--policy", "policy_file", metavar="FILE.yaml", help="spec.analysis, or a whole ModelDeployment.")
@click.option("--plot", "picture", metavar="FILE.svg", help="Draw rates, evidence and decision.")
@click.option("--every", metavar="DURATION", help="Judge so often; at every scrape when absent.")
@click.option("--aa", is_flag=True, help="Stable alone: how often would a healthy version have been rolled back?")
@click.option("--share", default=0.1, show_default=True, help="With --aa: share of the pretended canary.")
@click.option("--runs", default=200, show_default=True, help="With --aa: number of pretended rollouts.")
@click.option("--seed", default=1, show_default=True, help="With --aa: of the random choices.")
@click.option("--prometheus", metavar="URL", help="Read from this server instead of a recording.")
@click.option("--namespace", metavar="NS", help="Of the model. This and the rest: with --prometheus.")
@click.option("--name", metavar="MODEL", help="Of the model.")
@click.option("--stable", metavar="REV", help="The stable revision, such as 9d27b6e013.")
@click.option("--canary", metavar="REV", help="The canary's revision.")
@click.option(
    "--stable-slot", type=click.IntRange(0, 1), default=0, show_default=True, help="Stable's place in the route."
)
@click.option("--start", metavar="T", help="Unix seconds or RFC 3339; before the canary's first weight.")
@click.option("--end", metavar="T", help="As --start.")
@click.option("--weight", "weights", multiple=True, metavar="T=PERCENT", help="From T on, or so long after --start.")
@click.option("--step", default="10m", show_default=True, metavar="DURATION", help="Samples that one query fetches.")
def command(**given: Any) -> None:
    """Replay a policy."""
    _check(given)
    from serinus.cli import times
    from serinus.cli.lines import Broken
    from serinus.prometheus.answers import Unavailable

    try:
        every = times.duration("--every", given["every"]) if given["every"] else None
        policy = _policy(given["policy_file"])
        tape = _ranged(policy, given) if given["prometheus"] else _recorded(policy, given)
        code = _pretend(tape, given) if given["aa"] else _replay(tape, every, given["picture"])
    except (Broken, Unavailable) as error:
        raise Refused(str(error)) from None
    click.get_current_context().exit(code)


def _check(given: dict[str, Any]) -> None:
    """Refuse options that do not go together, and a machine that lacks what the judge is made of."""
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise Refused(f"serinus simulate needs {', '.join(missing)}: pip install 'serinus[simulate]'")
    if bool(given["recording"]) == bool(given["prometheus"]):
        raise Refused("expected a RECORDING or --prometheus, one of them")
    if given["prometheus"]:
        needed = [option for option in _PROMETHEUS if not (given["aa"] and option == "canary")]
        missing = [f"--{option}" for option in needed if not given[option]]
        if missing:
            raise Refused(f"--prometheus also needs {', '.join(missing)}")
    elif extra := [f"--{option}" for option in (*_PROMETHEUS, "weights") if given[option]]:
        raise Refused(f"{extra[0].removesuffix('s')} needs --prometheus")
    if not 0 < given["share"] < 1:
        raise Refused(f"--share is {given['share']:g} but must be between 0 and 1")
    if given["runs"] < 1:
        raise Refused(f"--runs is {given['runs']} but must be at least 1")
    if given["picture"] and find_spec("matplotlib") is None:
        raise Refused("--plot needs matplotlib: pip install 'serinus[plot]'")
    if given["aa"] and given["picture"]:
        raise Refused("--plot draws one replay; it does not go with --aa")


def _policy(file: str | None) -> Policy:
    from serinus.cli.policy import BadPolicy, Policy, load

    if file is None:
        return Policy()
    try:
        return load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BadPolicy) as error:
        raise Refused(f"{file}: {_why(error)}") from None


def _recorded(policy: Policy, given: dict[str, Any]) -> Tape:
    from serinus.analysis import Weight
    from serinus.cli.lines import Broken
    from serinus.cli.plan import plan
    from serinus.cli.recorded import Recorded
    from serinus.cli.recording import read

    file = given["recording"]
    try:
        with click.open_file(file, "rb") as lines:
            recording = read(lines, alone=given["aa"])
        means = policy.analysis.means
        source = Recorded(recording, means[0].name if len(means) == 1 else None)
        weights = tuple(Weight(change.time, change.weight / 100) for change in recording.changes)
        return plan(policy.analysis, source, weights)
    except (OSError, Broken) as error:
        raise Refused(f"{file}: {_why(error)}") from None


def _ranged(policy: Policy, given: dict[str, Any]) -> Tape:
    from serinus.api.analysis import Source
    from serinus.cli import times
    from serinus.cli.plan import plan
    from serinus.cli.ranges import fetch
    from serinus.reconcile.source import Subject

    start, end = times.moment("--start", given["start"]), times.moment("--end", given["end"])
    if end <= start:
        raise Refused("--end must be after --start")
    weights = times.weights(given["weights"], start, alone=given["aa"])
    subject = Subject(
        given["namespace"],
        given["name"],
        given["stable"],
        given["canary"] or "",
        given["stable_slot"],
        Source.AUTO,
        policy.metrics,
    )
    anchor = next((weight.time for weight in weights if weight.share > 0), start)
    step = times.duration("--step", given["step"])
    source = fetch(given["prometheus"], subject, policy.analysis, start, end, step, anchor)
    return plan(policy.analysis, source, weights)


def _replay(tape: Tape, every: float | None, picture: str | None) -> int:
    from serinus.cli import report
    from serinus.cli.lines import Broken
    from serinus.cli.replay import first_canary, replay, result
    from serinus.cli.tape import ticks

    moments = ticks(tape, every)
    if not moments:
        raise Broken("there is no scrape after the canary's first weight")
    _tell(tape)
    seen = []
    for tick in replay(tape, moments):
        seen.append(tick)
        click.echo(report.line(report.tick_fields(tick, tape.anchor)))
    found = result(seen)
    click.echo(report.line(report.summary_fields(found, tape.anchor, first_canary(tape), tape.left_out)))
    if picture:
        _draw(picture, tape, seen, found)
    return report.EXIT_CODES[found.tick.verdict.outcome]


def _pretend(tape: Tape, given: dict[str, Any]) -> int:
    from serinus.cli import aa, aa_report, report

    prepared = aa.stand(tape, given["share"])
    _tell(prepared.tape)
    found = []
    for number, run in enumerate(aa.runs(prepared, given["runs"], given["seed"]), start=1):
        found.append(run)
        click.echo(report.line(aa_report.run_fields(number, run, prepared)))
    summary = aa_report.summary_fields(found, prepared, given["seed"])
    click.echo(report.line(summary))
    click.echo(aa_report.sentence(summary), err=True)
    return aa_report.exit_code(summary)


def _tell(tape: Tape) -> None:
    for name, reason in tape.left_out.items():
        click.echo(f"Not judged: {name}: {reason}", err=True)


def _draw(file: str, tape: Tape, ticks: list[Tick], found: Result) -> None:
    from serinus.cli import plot

    picture = plot.draw(tape, ticks, found)
    try:
        Path(file).write_bytes(picture)
    except OSError as error:
        raise Refused(f"{file}: {_why(error)}") from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
