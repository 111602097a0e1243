"""Compare the facade with prometheus-api-client: the same work, in turn, in one run.

    python bench/references.py [--nodes 100] [--pods-per-node 100] [--pairs 7] [--json FILE]

Needs what ``bench/facade.py`` needs, and prometheus-api-client. Started by itself it starts that benchmark's fleet;
``references`` takes a stack that runs already. Each work is done in two ways:

*the same queries*: what the facade asked (``explain=true``), asked by ``custom_query`` and ``custom_query_range``, and
the rows put together by entity. This leaves out what the facade does besides: reasons, utilization, coverage, a body
of JSON over HTTP.

*metric by metric*: as the library is meant to be used by who has no PromQL, ``get_current_metric_value`` of every
metric that the answer is made of, or ``get_metric_range_data``. This leaves out rates too: counters stay counters.

The facade answers *cold* (``Cache-Control: no-cache``), and is read to the last byte.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from prometheus_api_client import PrometheusConnect

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.facade import COLD, DEPLOYMENTS, Report, Stack, running, warm_up
from bench.live_fleet import LiveFleet
from bench.measuring import Form, Ratio, in_turn, seconds
from bench.past import POD_SECONDS
from promql import names
from promql.catalogue import Catalogue
from promql.queries import POD_FACTS

Work = Callable[[], object]
Rows = Iterable[Mapping[str, Any]]
# The routes, by their names in the report of bench/facade.py.
ROUTES: Final = ("one pod", "all pods, every signal", "one series of 1,000 points")
SERIES: Final = ROUTES[2]
_QUICK_SECONDS: Final = 0.1
# Pairs of what takes seconds.
FEWEST: Final = 3


class Library:
    """prometheus-api-client on one Prometheus, with its defaults: one connection, one request at a time."""

    def __init__(self, url: str) -> None:
        self._client = PrometheusConnect(url=url)

    def ask(self, forms: Iterable[Form]) -> dict[str, dict[str, Any]]:
        """The facade's queries, their rows by entity."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for form in forms:
            _gather(found, self._answer(form))
        return found

    def metric_by_metric(self, labels: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """The present value of every metric that pods' answers are made of."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for metric in pod_metrics():
            _gather(found, self._client.get_current_metric_value(metric, label_config=dict(labels)))
        return found

    def one_series(self, labels: Mapping[str, str]) -> Any:
        """Every stored sample of a pod's CPU over the window that 1,000 points take."""
        end = datetime.now(UTC)
        start = end - timedelta(seconds=POD_SECONDS - 150)
        return self._client.get_metric_range_data(names.POD_CPU_USAGE_SECONDS.name, dict(labels), start, end)

    def _answer(self, form: Form) -> Rows:
        if "time" in form:
            rows: Rows = self._client.custom_query(form["query"], params={"time": form["time"]})
            return rows
        start, end = (datetime.fromtimestamp(float(form[edge]), UTC) for edge in ("start", "end"))
        series: Rows = self._client.custom_query_range(form["query"], start, end, form["step"])
        return series


def pod_metrics() -> list[str]:
    """Every metric that the answer about a pod is made of."""
    found = [metric.name for metric in POD_FACTS]
    for one in Catalogue.load().of_kind("pod"):
        found += [one.pod.gauge] if one.pod.gauge else one.pod.counters
    found += [names.POD_CONTAINER_RESTARTS.name, names.POD_OOM_KILLS.name]
    return [*dict.fromkeys(found), names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS.name]


def references(stack: Stack, pairs: int) -> Iterator[tuple[str, Ratio]]:
    """What the facade takes ÷ what prometheus-api-client takes, by figure."""
    library, facade = Library(stack.prometheus.url), stack.facade()
    for name in ROUTES:
        path = stack.path(COLD[name][0])
        labels = {"pod": stack.names["pod"], "namespace": stack.names["namespace"]} if "{pod}" in COLD[name][0] else {}
        forms = facade.asked_for(path)

        cold = partial(facade.cold, path)
        by_metric = partial(library.one_series if name == SERIES else library.metric_by_metric, labels)
        ways: dict[str, Work] = {"the same queries": partial(library.ask, forms), "metric by metric": by_metric}
        many = 10 * pairs if seconds(cold) < _QUICK_SECONDS else max(FEWEST, pairs // 2)
        for way, work in ways.items():
            yield f"{name} ÷ prometheus-api-client, {way}", in_turn(cold, work, many)


def _gather(found: dict[str, dict[str, Any]], rows: Rows) -> None:
    for one in rows:
        labels = one["metric"]
        entity = labels.get("uid") or labels.get("node", "")
        found[entity][labels.get("signal") or labels.get("__name__", "")] = one.get("value") or one.get("values")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods-per-node", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where the report is written as JSON too")
    arguments = parser.parse_args()
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    deployments = min(DEPLOYMENTS, arguments.nodes * 5)
    fleet = LiveFleet(arguments.nodes, arguments.pods_per_node, deployments, time.time())
    report = Report()
    with running(fleet, past=True) as stack:
        warm_up(stack, fleet)
        for name, found in references(stack, arguments.pairs):
            report.note(name, found)
    if arguments.json:
        report.write(arguments.json)


if __name__ == "__main__":
    main()
