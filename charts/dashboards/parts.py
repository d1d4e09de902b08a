"""The few shapes that the dashboards are made of."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.models.common import (
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DataTransformerConfig, VariableRefresh, VariableSort
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATA = DataSourceRef(type_val="prometheus", uid="${datasource}")
Part = timeseries.Panel | stat.Panel | table.Panel | dashboard.Row
HEIGHT = 8
"""Rows of Grafana's grid of 24 columns that a panel takes."""


def dashboards(title: str, uid: str, told: str) -> dashboard.Dashboard:
    """Return an empty dashboard with the variable `datasource`."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(told)
        .tags(["serinus"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )


def filled(board: dashboard.Dashboard, parts: Iterable[Part]) -> dashboard.Dashboard:
    """Return a dashboard with panels below one another, each with an id that stays while their order does."""
    for place, unnamed in enumerate(parts, 1):
        part = unnamed.id(place)
        board = board.with_row(part) if isinstance(part, dashboard.Row) else board.with_panel(part)
    return board


def variable(name: str, query: str, *, several: bool = False) -> dashboard.QueryVariable:
    """Return a variable whose values are those of a label; with `several`, all are chosen at first."""
    built = (
        dashboard.QueryVariable(name)
        .datasource(DATA)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    return built.multi(True).include_all(True).all_value(".+") if several else built


def query(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """Return a query over the shown time; the legend may name labels, `{{reason}}`."""
    return prometheus.Dataquery().datasource(DATA).expr(expression).legend_format(legend).range()


def graph(title: str, told: str, unit: str, *queries: prometheus.Dataquery, width: int = 12) -> timeseries.Panel:
    """Return a panel of lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(told)
        .datasource(DATA)
        .unit(unit)
        .min(0)
        .span(width)
        .height(HEIGHT)
        .line_width(1)
        .legend(
            VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for one in queries:
        panel = panel.with_target(one)
    return panel


def number(
    title: str, told: str, expression: str, unit: str = "none", *, legend: str = "", width: int = 4
) -> stat.Panel:
    """Return a panel with the newest value, or with what the legend makes of its labels."""
    panel = stat.Panel().title(title).description(told).datasource(DATA).unit(unit).span(width).height(4)
    if legend:
        panel = panel.text_mode(BigValueTextMode.NAME)
    return panel.with_target(query(expression, legend or "__auto").instant())


def listed(title: str, told: str, expression: str, *, width: int = 12) -> table.Panel:
    """Return a table with a row for each series now."""
    asked = query(expression).instant().format(PromQueryFormat.TABLE)
    panel = table.Panel().title(title).description(told).datasource(DATA).span(width).height(HEIGHT)
    hidden = DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True, "Value": True}})
    return panel.with_target(asked).with_transformation(hidden)
