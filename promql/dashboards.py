"""The expressions of Grafana's panels, rendered from the catalogue with Grafana's variables as matchers.

They keep the rules that the facade keeps: duplicates are removed before anything is summed, a total is a recorded one
where there is one, a rate is that of a counter and a level the average of its samples, over what a point stands for,
and what nobody measured has no point. ``$__interval`` is what a point covers, ``$__rate_interval`` is at least four
times the query's smallest step, and ``Query.min_step`` makes both as wide as decision 9 has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from promql import names
from promql.catalogue import Catalogue, record
from promql.queries import aggregate, share
from promql.selectors import Matcher, Selector, select
from promql.windows import READINGS_PER_RATE_WINDOW, Windows, duration

INTERVAL: Final = "$__interval"
RATE_INTERVAL: Final = "$__rate_interval"
RANGE: Final = "$__range"

Pace = Literal["resource", "detail"]
PACES: Final[tuple[Pace, ...]] = ("resource", "detail")
TotalLevel = Literal["cluster", "namespace", "workload"]

# All of them is `.*`, which a series without the label matches too: there may be one cluster, and no label.
CLUSTER: Final[Selector] = (Matcher("cluster", "=~", "$cluster"),)
NODE: Final[Selector] = (*CLUSTER, Matcher("node", "=", "$node"))
NAMESPACE: Final[Selector] = (*CLUSTER, Matcher("namespace", "=", "$namespace"))
WORKLOAD: Final[Selector] = (
    *NAMESPACE,
    Matcher("workload_kind", "=", "$workload_kind"),
    Matcher("workload", "=", "$workload"),
)
POD: Final[Selector] = (*NAMESPACE, Matcher("pod", "=", "$pod"))
# A cluster that has no name of its own, in a table whose links select the cluster: Grafana's word for all of them.
EVERY_CLUSTER: Final = "All"


def min_step_seconds(windows: Windows, pace: Pace) -> int:
    """The smallest step of a query: a level's average needs two samples, and Grafana takes rates over four steps."""
    rate_seconds = windows.rate_seconds(pace) + windows.scrape_seconds
    return math.ceil(max(windows.level_seconds(0), rate_seconds / READINGS_PER_RATE_WINDOW))


def min_step(windows: Windows, pace: Pace) -> str:
    return duration(min_step_seconds(windows, pace))


@dataclass(frozen=True, slots=True)
class Query:
    """An expression with Grafana's variables, and at which pace what it reads is measured."""

    expr: str
    pace: Pace = "resource"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which series are meant, and what tells one thing that is measured from the next: duplicates have the same."""

    selector: Selector
    once: tuple[str, ...]

    def summed(self, by: Sequence[str], expr: str) -> str:
        """The sum over the things that ``expr`` has rows of, each counted once."""
        keys = tuple(dict.fromkeys(("cluster", *by, *self.once)))
        inner = aggregate("max", keys, expr)
        return aggregate("sum", by, inner) if by else f"sum({inner})"


def pods(selector: Selector) -> Rows:
    return Rows(selector, ("uid",))


def nodes(selector: Selector) -> Rows:
    return Rows(selector, ("node",))


CATALOGUE: Final = Catalogue.load()


# -- of pods and nodes -------------------------------------------------------------------------------------------------
def drawn(kind: Literal["pod", "node"], key: str, rows: Rows, by: Sequence[str] = ()) -> Query:
    """A signal of the catalogue over time. Raises ValueError for one that the kind does not have."""
    signal = CATALOGUE.signals[key]
    measure = signal.measure(kind)
    if measure is None:
        raise ValueError(f"a {kind} has no {key}")
    pace: Pace = "detail" if signal.source == "detail" else "resource"
    if measure.level:
        return Query(rows.summed(by, averaged(select(measure.level, rows.selector))))
    rates = [rows.summed(by, rate(select(counter, rows.selector))) for counter in measure.counters]
    return Query(rates[0] if len(rates) == 1 else share(*rates), pace)


def now(kind: Literal["pod", "node"], key: str, rows: Rows, by: Sequence[str] = ()) -> Query:
    """The last reading of a signal that has a gauge. Raises ValueError for one without."""
    measure = CATALOGUE.signals[key].measure(kind)
    if measure is None or measure.gauge is None:
        raise ValueError(f"a {kind} has no gauge of {key}")
    return latest(measure.gauge, rows, by)


def latest(metric: names.Metric | str, rows: Rows, by: Sequence[str] = ()) -> Query:
    """The last reading of a gauge, summed."""
    return Query(rows.summed(by, select(_name(metric), rows.selector)))


def level(metric: names.Metric | str, rows: Rows, by: Sequence[str] = ()) -> Query:
    """A gauge over time, summed."""
    return Query(rows.summed(by, averaged(select(_name(metric), rows.selector))))


def counted(metric: names.Metric, rows: Rows, *matchers: Matcher) -> Query:
    """How many things have the metric."""
    once = ("cluster", *rows.once)
    return Query(f"count({aggregate('group', once, select(metric.name, (*rows.selector, *matchers)))})")


def increased(metric: names.Metric, rows: Rows, by: Sequence[str] = ()) -> Query:
    """By how many steps of one a counter grew in the range that is shown.

    ``increase`` extrapolates to the edges and would make 7 kills 7.2: without a reset, last less first is exact.
    """
    series = f"{select(metric.name, rows.selector)}[{RANGE}]"
    exact = f"(max_over_time({series}) - min_over_time({series}) and resets({series}) == 0)"
    return Query(rows.summed(by, f"{exact} or floor(increase({series}) + 0.001)"))


def held_back_seconds(rows: Rows) -> Query:
    """Seconds a second for which CPU limits held pods back."""
    return Query(rows.summed((), rate(select(names.POD_CPU_THROTTLED_SECONDS.name, rows.selector))), "detail")


def ratio(part: Query, whole: Query) -> Query:
    """One query's rows ÷ the other's; nothing where the whole is 0."""
    pace: Pace = "detail" if "detail" in (part.pace, whole.pace) else "resource"
    return Query(f"{part.expr} / ({above_zero(whole).expr})", pace)


def of_whole(part: names.Metric, whole: names.Metric, rows: Rows, by: Sequence[str] = ()) -> Query:
    """A share of two gauges of nodes or volumes, over those that have both."""
    once = ("cluster", *rows.once)
    part_once, whole_once = (aggregate("max", once, select(metric.name, rows.selector)) for metric in (part, whole))
    on = f"on ({', '.join(once)})"
    over = f"{{}} by ({', '.join(by)}) " if by else "{} "
    return Query(
        f"{over.format('sum')}({part_once} and {on} {whole_once})"
        f" / {over.format('sum')}(({whole_once} and {on} {part_once}) > 0)"
    )


def highest(count: int, query: Query) -> Query:
    return Query(f"topk({count}, {query.expr})", query.pace)


def milliseconds(query: Query) -> Query:
    """A Unix time in the unit that Grafana's units of time expect."""
    return Query(f"{query.expr} * 1000", query.pace)


def labelled(metric: names.Metric, selector: Selector, by: Sequence[str]) -> Query:
    """What an info metric's labels say."""
    return Query(aggregate("max", by, select(metric.name, selector)))


# -- recorded totals ---------------------------------------------------------------------------------------------------
def total(at: TotalLevel, key: str, selector: Selector, by: Sequence[str] = ()) -> Query:
    """A signal's recorded total over time."""
    signal = CATALOGUE.signals[key]
    pace: Pace = "detail" if signal.source == "detail" else "resource"
    if signal.pod.level:
        return Query(_recorded(at, signal.pod.level, "sum", selector, by))
    sums = [_recorded(at, counter, "sum_rate", selector, by) for counter in signal.pod.counters]
    return Query(sums[0] if len(sums) == 1 else share(*sums), pace)


def total_of(at: TotalLevel, metric: names.Metric, selector: Selector, by: Sequence[str] = ()) -> Query:
    """The recorded sum of a gauge over time."""
    return Query(_recorded(at, metric.name, "sum", selector, by))


def total_now(
    at: TotalLevel, metric: names.Metric, selector: Selector, by: Sequence[str] = (), what: str = "sum"
) -> Query:
    """The recorded sum, or count, of a gauge as it stands."""
    return Query(_summed(at, select(record(at, metric.name, what), selector), by))


def pod_count(at: TotalLevel, selector: Selector, by: Sequence[str] = ()) -> Query:
    """The pods that are not finished."""
    return Query(_summed(at, select(record(at, CATALOGUE.totals.pods, "count"), selector), by))


def should_report(at: TotalLevel, selector: Selector) -> Query:
    """The pods that run and should report."""
    return Query(_summed(at, select(record(at, CATALOGUE.totals.running, "count"), selector), ()))


def reporting(at: TotalLevel, selector: Selector) -> Query:
    """Those of them that do."""
    return total_now(at, names.POD_CPU_USAGE_CORES, selector, what="count")


def node_pods(selector: Selector, by: Sequence[str] = ()) -> Query:
    """The pods of nodes that are not finished."""
    return latest(record("node", CATALOGUE.totals.pods, "count"), nodes(selector), by)


def utilization(at: TotalLevel, key: str, selector: Selector, by: Sequence[str] = ()) -> Query:
    """A ratio of the catalogue (``cpu_of_limit``) over the pods that have both sides. KeyError for another."""
    ratios = {found.key: found for found in CATALOGUE.totals.utilizations}
    of = ratios[key]
    part = _summed(at, select(record(at, of.of, of.of_what), selector), by)
    whole = _summed(at, select(record(at, of.to, of.to_what), selector), by)
    return Query(f"{part} / ({whole} > 0)")


def _recorded(at: TotalLevel, metric: str, what: str, selector: Selector, by: Sequence[str]) -> str:
    return _summed(at, averaged(select(record(at, metric, what), selector)), by)


def _summed(at: TotalLevel, expr: str, by: Sequence[str]) -> str:
    keys = next(found.by for found in CATALOGUE.totals.levels if found.name == at)
    once = aggregate("max", keys, expr)
    return aggregate("sum", by, once) if by else f"sum({once})"


# -- Cloud Monitoring itself -------------------------------------------------------------------------------------------
def job(name: str, *matchers: Matcher) -> Selector:
    """Selects the series of one of the jobs that scrape Cloud Monitoring's own processes."""
    return (*CLUSTER, Matcher("job", "=", name), *matchers)


def own(metric: str, job_name: str) -> Query:
    """A gauge of all processes of a job together."""
    return Query(Rows(job(job_name), ("instance",)).summed((), select(metric, job(job_name))))


def above_zero(query: Query) -> Query:
    """The same without 0, where that stands for none."""
    return Query(f"{query.expr} > 0", query.pace)


def own_most(metric: str, job_name: str, by: Sequence[str] = ()) -> Query:
    """A gauge of that process of a job which has most."""
    return Query(_maximum(select(metric, job(job_name)), by))


def own_rate(metric: str, job_name: str, by: Sequence[str] = ()) -> Query:
    """What a counter of all processes of a job together grows by a second."""
    expr = rate(select(metric, job(job_name)))
    return Query(aggregate("sum", by, expr) if by else f"sum({expr})")


def own_up(job_name: str) -> Query:
    """Whether each process of a job answered its last scrape."""
    return Query(aggregate("max", ("cluster", "instance"), select("up", job(job_name))))


def scrape_seconds(job_name: str) -> Query:
    return Query(_maximum(select("scrape_duration_seconds", job(job_name)), ()))


def facade_errors() -> Query:
    """The share of the requests that the facade could not answer; nothing while it is asked nothing."""
    failed, every = (
        aggregate("sum", ("job",), rate(select("cloudmon_facade_requests_total", job(names.FACADE_JOB, *matchers))))
        for matchers in ((Matcher("status", "=~", "5.."),), ())
    )
    # Where no request failed yet there is no such series: then none of those that there were did.
    return Query(f"({failed} or {every} * 0) / ({every} > 0)")


def sources_down() -> Query:
    """Sources whose last reading failed: 0 only where sources say how they do."""
    up = aggregate("max", ("cluster", "instance", "source"), select(names.SOURCE_UP.name, CLUSTER))
    return Query(f"sum({up} == bool 0)")


def most(metric: names.Metric, selector: Selector, by: Sequence[str]) -> Query:
    """A gauge of that series which has most."""
    return Query(_maximum(select(metric.name, selector), by))


def source_errors() -> Query:
    """Readings lost a second, by source. A source that says how it does, and of no error, has had none."""
    errors = Rows(CLUSTER, ("instance", "source", "stage", "reason"))
    lost = errors.summed(("source",), rate(select(names.SOURCE_ERRORS.name, CLUSTER)))
    there = aggregate("max", ("source",), select(names.SOURCE_UP.name, CLUSTER))
    return Query(f"{lost} or {there} * 0")


def quantile(share_: float, histogram: str, selector: Selector, by: Sequence[str] = ()) -> Query:
    """A quantile of a histogram; nothing while nothing was observed."""
    buckets = aggregate("sum", ("le", *by), rate(select(f"{histogram}_bucket", selector)))
    return Query(f"histogram_quantile({share_:g}, {buckets}) >= 0")


# -- pieces ------------------------------------------------------------------------------------------------------------
def rate(series: str) -> str:
    return f"rate({series}[{RATE_INTERVAL}])"


def _maximum(series: str, by: Sequence[str]) -> str:
    return aggregate("max", by, series) if by else f"max({series})"


def averaged(series: str) -> str:
    return f"avg_over_time({series}[{INTERVAL}])"


def with_cluster(query: Query) -> Query:
    """The same, with a cluster in every row, by which a table's links can select it."""
    return Query(f'label_replace({query.expr}, "cluster", "{EVERY_CLUSTER}", "cluster", "")', query.pace)


def label_values(metrics: Sequence[names.Metric], label: str, selector: Selector = ()) -> str:
    """The query of a dashboard's variable: the values of a label, of any of the metrics."""
    (first, *others) = (metric.name for metric in metrics)
    return f"label_values({select((first, *others) if others else first, selector)}, {label})"


def _name(metric: names.Metric | str) -> str:
    return metric if isinstance(metric, str) else metric.name
