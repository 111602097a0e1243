"""The kinds of panel that the dashboards are made of: a number, a graph, a table with links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import common, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder as CogBuilder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from promql.dashboards import Query, min_step, with_cluster
from promql.windows import Windows

Builder = CogBuilder[model.Panel]

Asked = TypeVar("Asked")

DATA_SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
WINDOWS: Final = Windows()
CORES: Final = "suffix: cores"
COUNT: Final = "short"
BYTES: Final = "bytes"
RATE: Final = "binBps"
SHARE: Final = "percentunit"
SECONDS: Final = "s"
MOMENT: Final = "dateTimeFromNow"
READY: Final = {"1": "Ready", "0": "Not ready"}
# What usage is held against is a line without a filling. By their first words, so that `Requests of pods` is one too.
_BOUNDS: Final = {"Requests": "blue", "Limits": "orange", "Allocatable": "green", "Capacity": "red", "Desired": "blue"}
_GRAPH_HEIGHT: Final = 8
_STAT_HEIGHT: Final = 4

Levels = Sequence[tuple[float, str]]
# A share of something that should not run out, and a number of things that should not be.
FILLING: Final[Levels] = ((0.8, "orange"), (0.95, "red"))
ANY_IS_BAD: Final[Levels] = ((1, "red"),)


@dataclass(frozen=True, slots=True)
class Line:
    """A query of a graph or a number; ``legend`` may have ``{{label}}``."""

    legend: str
    query: Query


@dataclass(frozen=True, slots=True)
class Column:
    """A query of a table, which gives one value a row, with ``words`` in place of some values. Without a title it is
    not shown: what it says is in its labels.
    """

    title: str
    query: Query
    unit: str = COUNT
    gauge: bool = False
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """To the dashboard ``uid`` from the column of ``label``; ``labels`` are the row's that the other dashboard asks for
    as variables of the same names.
    """

    label: str
    uid: str
    labels: Sequence[str]

    def url(self) -> str:
        own = "".join(f"&var-{label}=${{__data.fields.{label}}}" for label in ("cluster", *self.labels))
        return f"/d/{self.uid}?${{datasource:queryparam}}{own}&${{__url_time_range}}"


def number(
    title: str,
    description: str,
    unit: str,
    *lines: Line,
    span: int = 4,
    levels: Levels = (),
    words: Mapping[str, str] | None = None,
    decimals: int | None = None,
    text: common_model.BigValueTextMode | None = None,
) -> Builder:
    """The last value of each line, coloured from ``levels`` on, with ``words`` in place of some values, and its name
    where there may be several.
    """
    several = len(lines) > 1 or "{{" in lines[0].legend
    usual = common_model.BigValueTextMode.VALUE_AND_NAME if several else common_model.BigValueTextMode.VALUE
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(span)
        .height(_STAT_HEIGHT)
        .unit(unit)
        .thresholds(_thresholds(levels))
        .mappings(_mappings(words or {}))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(text or usual)
    )
    if decimals is not None:
        panel.decimals(decimals)
    for line, ref_id in _with_ref_ids(lines):
        panel.with_target(_target(line, ref_id).instant())
    return panel


def graph(
    title: str,
    description: str,
    unit: str,
    *lines: Line,
    span: int = 12,
    stacked: bool = False,
    most: float | None = None,
) -> Builder:
    """Lines over time. A value that nobody measured is a gap."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(span)
        .height(_GRAPH_HEIGHT)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(30 if stacked else 10)
        .show_points(common_model.VisibilityMode.NEVER)
        .span_nulls(False)
        .stacking(common.StackingConfig().mode(_stacking(stacked)).group("A"))
        .legend(_legend())
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_model.TooltipDisplayMode.MULTI)
            .sort(common_model.SortOrder.DESCENDING)
        )
    )
    if most is not None:
        panel.max(most)
    for name, colour in _BOUNDS.items():
        if any(line.legend.startswith(name) for line in lines):
            panel.override_by_regexp(f"^{name}\\b.*", _bound(colour))
    for line, ref_id in _with_ref_ids(lines):
        panel.with_target(_target(line, ref_id).range())
    return panel


def rows(
    title: str,
    description: str,
    labels: Mapping[str, str],
    columns: Sequence[Column],
    *,
    links: Sequence[Link] = (),
    span: int = 24,
    height: int = 9,
) -> Builder:
    """A table of one row for each thing: its labels, by the titles given, and a value of each column, the first
    column's greatest value on top.
    """
    fields = {f"Value #{ref_id}": column for column, ref_id in _with_ref_ids(columns)}
    if len(columns) == 1:
        fields = {"Value": columns[0]}
    order = {name: position for position, name in enumerate((*labels, *fields))}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATA_SOURCE)
        .span(span)
        .height(height)
        .unit(columns[0].unit)
        .cell_height(common_model.TableCellHeight.SM)
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(_organised(order, [name for name, column in fields.items() if not column.title]))
    )
    if columns[0].title:
        panel.sort_by([common.TableSortByFieldState().display_name(columns[0].title).desc(True)])
    overrides = {label: [_option("displayName", name), *_linked(label, links)] for label, name in labels.items()}
    overrides |= {name: _column(column) for name, column in fields.items() if column.title}
    for name, options in overrides.items():
        panel.override_by_name(name, options)
    for column, ref_id in _with_ref_ids(columns):
        target = _target(Line(column.title, with_cluster(column.query)), ref_id)
        panel.with_target(target.instant().format(PromQueryFormat.TABLE))
    return panel


def _with_ref_ids(queries: Sequence[Asked]) -> Iterator[tuple[Asked, str]]:
    """Each with the letter by which Grafana knows it in its panel."""
    return zip(queries, ascii_uppercase[: len(queries)], strict=True)


def _target(line: Line, ref_id: str) -> Dataquery:
    return (
        Dataquery()
        .datasource(DATA_SOURCE)
        .expr(line.query.expr)
        .legend_format(line.legend)
        .interval(min_step(WINDOWS, line.query.pace))
        .ref_id(ref_id)
    )


def _thresholds(levels: Levels) -> ThresholdsConfig:
    steps = [model.Threshold(value=None, color="green" if levels else "text")]
    steps += [model.Threshold(value=value, color=colour) for value, colour in levels]
    return ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _mappings(words: Mapping[str, str]) -> list[model.ValueMapping]:
    options = {
        value: model.ValueMappingResult(text=text, index=position)
        for position, (value, text) in enumerate(words.items())
    }
    return [model.ValueMap(options=options)] if options else []


def _stacking(stacked: bool) -> common_model.StackingMode:
    return common_model.StackingMode.NORMAL if stacked else common_model.StackingMode.NONE


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(common_model.LegendDisplayMode.TABLE)
        .placement(common_model.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["mean", "max", "lastNotNull"])
    )


def _bound(colour: str) -> list[model.DynamicConfigValue]:
    return [
        _option("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
        _option("custom.fillOpacity", 0),
        _option("color", {"mode": "fixed", "fixedColor": colour}),
    ]


def _organised(order: Mapping[str, int], hidden: Sequence[str]) -> model.DataTransformerConfig:
    options = {"excludeByName": dict.fromkeys(("Time", *hidden), True), "indexByName": dict(order), "renameByName": {}}
    return model.DataTransformerConfig(id_val="organize", options=options)


def _linked(label: str, links: Sequence[Link]) -> list[model.DynamicConfigValue]:
    found = [{"title": "Open ${__value.text}", "url": link.url()} for link in links if link.label == label]
    return [_option("links", found)] if found else []


def _column(column: Column) -> list[model.DynamicConfigValue]:
    options = [_option("displayName", column.title), _option("unit", column.unit)]
    if column.words:
        options.append(_option("mappings", _mappings(column.words)))
    if column.gauge:
        options += [
            _option("min", 0),
            _option("max", 1),
            _option("custom.cellOptions", {"type": "gauge", "mode": "basic"}),
            _option("thresholds", _thresholds(FILLING).build()),
        ]
    return options


def _option(name: str, value: object) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val=name, value=value)
