"""All models, and the operator."""

from grafana_foundation_sdk.builders import dashboard

from charts.dashboards.parts import Part, dashboards, filled, graph, listed, number, query, variable

MODEL = "max by (namespace, name)"
OF = '{namespace=~"$namespace"}'
UNDER_WAY = "Preparing|Stepping|Promoting|Watching|RollingBack"
QUEUED = "Queued"
LEADER = "and on (job, instance) serinus_leads"


def phase(phases: str) -> str:
    """Return how many models are in one of some phases, as an expression."""
    return f'count({MODEL} (serinus_rollout_phase{{namespace=~"$namespace",phase=~"{phases}"}})) or vector(0)'


def wrong(kind: str) -> str:
    """Return how many models have a condition that is not as it should be, as an expression."""
    return f'count({MODEL} (serinus_rollout_condition{{namespace=~"$namespace",type="{kind}"}})) or vector(0)'


def fleet() -> dashboard.Dashboard:
    """Return the dashboard of all models."""
    board = dashboards(
        "Serinus: models", "serinus-models", "All ModelDeployments, and the operator that rolls them out."
    )
    board = board.with_variable(variable("namespace", "label_values(serinus_rollout_weight, namespace)", several=True))
    return filled(board, (*_numbers(), *_models(), dashboard.Row("The operator"), *_operator()))


def _numbers() -> list[Part]:
    return [
        number("Models", "ModelDeployments that the operator has looked at.", f"count({MODEL} (serinus_rollout_weight{OF})) or vector(0)", width=3),
        number("In rollout", "Models with a newer revision under way.", phase(UNDER_WAY), width=3),
        number("Queued", "Models whose newer revision waits for others to end.", phase(QUEUED), width=3),
        number("Rolled back", "Models whose newest version was taken back.", phase("RolledBack"), width=3),
        number("Blind", "Rollouts without usable metrics: they hold.", f"sum({MODEL} (serinus_analysis_blind{OF})) or vector(0)"),
        number("Stalled", "Models that wait for a person.", wrong("Stalled")),
        number("Without a ready pod", "Models of which no revision serves.", wrong("Available")),
    ]  # fmt: skip


def _models() -> list[Part]:
    return [
        listed("Phases", "The phase that each model is in.", f"max by (namespace, name, phase) (serinus_rollout_phase{OF})"),
        listed(
            "Not as it should be", "Conditions that ask for attention, with their reason.",
            f"max by (namespace, name, type, reason) (serinus_rollout_condition{OF})",
        ),
        graph(
            "Models by phase", "How many models are in each phase.", "none",
            query(f"sum by (phase) (max by (namespace, name, phase) (serinus_rollout_phase{OF}))", "{{phase}}"), width=8,
        ),
        graph(
            "Rollouts in progress and queued", "Those that take a slot of the limit, and those that wait for one.", "none",
            query(phase(UNDER_WAY), "in progress"), query(phase(QUEUED), "queued"), width=8,
        ),
        graph(
            "Canary weight", "Percent of traffic for the newer revision.", "percent",
            query(f"{MODEL} (serinus_rollout_weight{OF}) > 0", "{{namespace}}/{{name}}"), width=8,
        ),
        graph(
            "Decisions", "Transitions by the reason of their Event.", "none",
            query(f"sum by (reason) (increase(serinus_transitions_total{OF}[$__rate_interval]))", "{{reason}}"),
        ),
        graph(
            "Time to safe", "From the first traffic of a revision that was taken back to its last, of the past day.", "s",
            *(
                query(f"histogram_quantile({share}, sum by (le) (increase(serinus_time_to_safe_seconds_bucket[1d])))", told)
                for share, told in ((0.5, "half"), (0.9, "nine in ten"))
            ),
        ),
    ]  # fmt: skip


def _operator() -> list[Part]:
    return [
        graph(
            "Leads", "1 for the operator that works; the others follow.", "none",
            query("serinus_leads", "{{pod}}"), width=6,
        ),
        graph("Models that are due", "Keys in the queue.", "none", query("max(serinus_queue_depth)", "due"), width=6),
        graph(
            "Longest wait", "How long the most overdue model has waited.", "s",
            query("max(serinus_queue_oldest_seconds)", "wait"), width=6,
        ),
        graph(
            "Time of one look", "Of the looks at models.", "s",
            *(
                query(f"histogram_quantile({share}, sum by (le) (rate(serinus_reconcile_seconds_bucket[$__rate_interval])))", told)
                for share, told in ((0.5, "half"), (0.99, "99 %"))
            ),
            width=6,
        ),
        graph(
            "Errors", "Looks that ended in an error, by its kind.", "ops",
            query("sum by (kind) (rate(serinus_reconcile_errors_total[$__rate_interval]))", "{{kind}}"), width=8,
        ),
        graph(
            "CPU", "Cores that the operators use.", "none",
            query(f"rate(process_cpu_seconds_total[$__rate_interval]) {LEADER}", "{{pod}}"), width=8,
        ),
        graph(
            "Memory", "Of the operators.", "bytes",
            query(f"process_resident_memory_bytes {LEADER}", "{{pod}}"), width=8,
        ),
    ]  # fmt: skip
