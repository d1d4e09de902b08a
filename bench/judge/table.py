"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from .cells import PEERS, Cell
from .figures import NEVER, limits, median_limits, quantile
from .store import COMMAND, Store
from .work import SEED

HEAD = """# Operating characteristics of the judge

`{command}`, seed {seed}, judging code {code}. Simulated; all counts are in judge.json.

Each entry: share of the runs that were rolled back (95 % Monte-Carlo limits), then the median and in
brackets the 95th percentile of the seconds from when the canary became bad to the sample that failed
it, over all runs. *Entries in italics are false rollbacks*: the canary is within that rule's
tolerance; they may reach alpha. **Bold** ones are above what is allowed.

`default`: alpha 0.01, delta 0.005. `strict`: delta 0. `D 1`, `D 2`: the configured design effect,
which holds where one proxy counts both arms; where pods are the targets it is measured on stable's.
Flagger with thresholds 5 and 10, one check a minute; Kayenta looks every 10 minutes. A run is 60
minutes with 15 s scrapes, 100 requests a second and a weight of 10 % unless said otherwise. A cell
"at 2 x" has a canary that fails twice as often as the worst rate that its rule tolerates; in the grid, at 5 s
and with low traffic that is 2 % for `default` and 1 % for `strict`, and 5 x is 5 % and 2.5 %. Where pods are
the targets, 20 runs at a time share scrapes, requests and outages, and differ in which requests fail.

Each digest of the judging code stands for one state of the files that judge such cells. A cell keeps its runs when a
file changed in a way that gives these cells the same numbers; whatever a change does touch is run again.
"""
NOTES = {
    "grid": "Errors independent, stable 0.5 %, one proxy.",
    "5 s scrapes": "Stable 0.5 %.",
    "boundary": "The canary fails exactly as often as is tolerated: rho p + delta.",
    "over-dispersion measured": "Bad requests of a pod and interval have this design effect; 2 canary and 3 stable pods, scraped at their own offsets. At most 2 % allowed. `beta`: a pod has bad intervals; `bursts`: bad requests come D at a time.",
    "over-dispersion not measurable": "One proxy; the configured D is the least, more is used where stable's counts tell of more. At most 2 % allowed.",
    "common outage staggered": "Both arms fail together; pods scraped at their own offsets; runs of 20 minutes, of 30 with outages one after the other (15 at 5 s).",
    "common outage one proxy": "Both arms fail together, counted by one proxy.",
    "data hygiene": "Pods as targets unless said otherwise; runs of 30 minutes.",
    "late degradation": "The canary is healthy for 30 minutes; seconds count from when it degrades, and are negative before.",
    "low traffic": "One proxy.",
    "weight steps": "Weights change at 0, 20 and 40 minutes.",
    "total failure": "The canary fails every request; 5 s scrapes. Medians are failed requests, scrapes after the first one that held 2.3 D failed requests (-1: before), or seconds.",
    "latency": "Lognormal, median 50 ms, sigma 0.6.",
    "promotion": "Share of runs in which the canary was proven not to be worse by the margin, and the median of its requests until then. beta 0.05.",
    "means": "Evidence that the mean is lower, looked at 240 times; medians are values per arm.",
}


def markdown(store: Store, cells: Sequence[Cell]) -> str:
    """The whole document."""
    known = [cell for cell in cells if cell.name in store.results and store.results[cell.name].parts]
    digests = ", ".join(sorted({digest for cell in known for digest in store.results[cell.name].code.split()}))
    parts = [HEAD.format(command=COMMAND, seed=SEED, code=digests), _numbers(store, known), _nulls(store, known)]
    for group, members in groupby(known, key=lambda cell: cell.group):
        parts.append("\n".join(_table(store, group, list(members))))
    return "\n\n".join(parts) + "\n"


def _numbers(store: Store, cells: Sequence[Cell]) -> str:
    """The numbers that were set as a goal."""
    counts = {cell.name: store.results[cell.name].counts for cell in cells}
    lines = []
    for name, rules in {
        "5 s scrapes/100 rps, 10 %, canary 2 %": ("default, D 1", "default, D 2"),
        "5 s scrapes/pods, 100 rps, 10 %, canary 2 %": ("default",),
    }.items():
        found = [f"{_median(counts[name][rule])} ({rule})" for rule in rules if name in counts]
        lines += [f"2 % against 0.5 %, {name}: median {', '.join(found)}."] if found else []
    for name, by_rule in counts.items():
        for rule, counted in by_rule.items():
            if rule.endswith("scrapes too late"):
                late = sum(number for key, number in counted.items() if key == NEVER or float(key) > 0.0)
                failed = quantile(by_rule[rule.replace("scrapes too late", "failed requests")], 0.5)
                policy = rule.split(":", maxsplit=1)[0]
                text = f"{name} ({policy}): after the first scrape that held 2.3 D failed requests in {late} runs of"
                lines.append(f"{text} {sum(counted.values())}; after {failed:g} failed requests in the median.")
    effects = [entry for entry in false_ones(store, cells) if entry[0].startswith("over-dispersion measured/true D")]
    for effect in ("2 ", "5 "):
        mine = [entry for entry in effects if f"true D {effect}" in entry[0]]
        if mine:
            hits, runs = sum(entry[2] for entry in mine), sum(entry[3] for entry in mine)
            worst = max(mine, key=lambda entry: entry[2] / entry[3])
            text = f"True D {effect}measured on 3 stable pods: {hits} false rollbacks in {runs} runs; at most"
            lines.append(f"{text} {_percent(worst[2] / worst[3])}, {worst[0].split('/')[1]} ({worst[1]}).")
    return "## Numbers to reach\n\n" + "\n".join(f"- {line}" for line in lines)


def _median(counted: dict[str, int]) -> str:
    low, high = median_limits(counted)
    return f"{quantile(counted, 0.5):g} s [{low:g} to {high:g}]"


def _nulls(store: Store, cells: Sequence[Cell]) -> str:
    """Whether false rollbacks keep to what is allowed, in all cells together."""
    entries = list(false_ones(store, cells))
    if not entries:
        return "No cell in which a rollback would be false."
    over = [f"{name} ({rule}): {hits} of {runs}" for name, rule, hits, runs, limit in entries if hits > limit * runs]
    worst = max(entries, key=lambda entry: entry[2] / entry[3] / entry[4])
    text = (
        f"False rollbacks (and false promotions): {len(entries)} cells and rules, "
        f"{sum(entry[3] for entry in entries)} runs; the nearest to what is allowed is {worst[0]} ({worst[1]}) with "
        f"{_percent(worst[2] / worst[3])} of {_percent(worst[4])}. "
    )
    return text + ("None is above it." if not over else "Above it:\n\n" + "\n".join(f"- {line}" for line in over))


def false_ones(store: Store, cells: Sequence[Cell]) -> Iterator[tuple[str, str, int, int, float]]:
    """Cell, rule, false rollbacks, runs and the share allowed."""
    for cell in cells:
        for rule, limit in cell.nulls.items():
            counted = store.results[cell.name].counts.get(rule, {})
            runs = sum(counted.values())
            if runs:
                yield cell.name, rule, runs - counted.get(NEVER, 0), runs, limit


def _table(store: Store, group: str, cells: list[Cell]) -> list[str]:
    columns = list(dict.fromkeys(rule for cell in cells for rule in store.results[cell.name].counts))
    columns.sort(key=lambda rule: rule in PEERS)
    lines = [f"## {group[0].upper()}{group[1:]}", "", NOTES.get(group, ""), ""]
    lines += [f"| | runs | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for cell in cells:
        counts = store.results[cell.name].counts
        runs = max(sum(counted.values()) for counted in counts.values())
        entries = [_entry(cell, rule, counts[rule]) if rule in counts else "" for rule in columns]
        lines.append(f"| {cell.name.split('/', 1)[1]} | {runs} | {' | '.join(entries)} |")
    return lines


def _entry(cell: Cell, rule: str, counted: dict[str, int]) -> str:
    runs = sum(counted.values())
    hits = runs - counted.get(NEVER, 0)
    low, high = limits(hits, runs)
    text = f"{_percent(hits / runs)} ({_percent(low)} to {_percent(high)})"
    middle, last = quantile(counted, 0.5), quantile(counted, 0.95)
    if middle is not None:
        text += f" {middle:g} ({'-' if last is None else f'{last:g}'})"
    allowed = cell.nulls.get(rule)
    if allowed is None:
        return text
    return f"**{text}**" if hits > allowed * runs else f"*{text}*"


def _percent(share: float) -> str:
    value = 100.0 * share
    return (
        f"{value:.0f} %" if value >= 99.95 or value == 0.0 else f"{value:.2g} %" if value < 10.0 else f"{value:.1f} %"
    )
