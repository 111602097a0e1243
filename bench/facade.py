"""Compare the facade with Prometheus itself: every figure is a ratio to what Prometheus takes for the same in one run.

    python bench/facade.py [--nodes 100] [--pods-per-node 100] [--pairs 7] [--json FILE] [--only REGEX]

Needs prometheus, promtool and wrk on PATH, two processors and about three minutes. A synthetic fleet is scraped by a
real Prometheus, which evaluates the recording rules; a second, of 100 pods, stands beside it. The facade is the real
process with its defaults. *Cold* requests say ``Cache-Control: no-cache``. *The same* is every query that the facade
asked (``explain=true``), two at a time as it asks them, read to the last byte and not decoded. U is one signal of all
pods, asked of Prometheus directly.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.live_fleet import SCRAPE_SECONDS, LiveFleet, exporting, namespace, scrape_config
from bench.measuring import (
    Facade,
    NoAnswerError,
    Ratio,
    Server,
    Upstream,
    in_turn,
    of_pairs,
    path_of,
    requests_per_second,
    resident_mebibytes,
    seconds,
)
from bench.past import write_past
from promql.rules import GROUP, rules_file
from tests.harness.facade_process import facade as facade_process
from tests.harness.process import Process
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until

DETAIL_SECONDS = 60.0
# Pods must be there for a minute before they are expected to report, and a rate needs a few readings.
WARM_UP_SECONDS = 80.0
CLIENTS = 32
HOT_SECONDS = 6.0
EVALUATIONS = 3
ONE_SIGNAL = "max by (cluster, uid) (cloudmon_pod_cpu_usage_cores)"
DEPLOYMENTS = 500

COLD = {
    "one pod": ("/api/pods/{pod}?namespace={namespace}", 3.0),
    "one node's 100 pods, every signal": ("/api/nodes/node-050/pods", 1.6),
    "all pods, every signal": ("/api/pods", 1.3),
    "one series of 1,000 points": (
        "/api/pods/{pod}/timeseries?namespace={namespace}&metrics=cpu_cores&window=15000&step=15",
        1.3,
    ),
    "500 deployments over 24 h": ("/api/timeseries?kind=deployment&window=24h&step=5m&limit=500&sort=name", 1.3),
}
IN_UNITS = {
    "a page of 100 by CPU": ("/api/pods?sort=-cpu_cores&limit=100", 1.5),
    "all pods, two signals": ("/api/pods?metrics=cpu_cores,memory_working_set_bytes", 2.5),
    "all pods, every signal": ("/api/pods", 15.0),
}
HOT_LISTS = (
    "/api/nodes/node-050/pods",
    "/api/pods?sort=-cpu_cores&limit=100",
    "/api/namespaces",
    "/api/deployments?limit=100",
)
TOTALS = {
    "one namespace": "/api/namespaces/{namespace}",
    "one deployment": "/api/deployments/{deployment}?namespace={namespace}",
}
Beside = Callable[["Stack", int], Iterable[tuple[str, Ratio]]]
CLUSTER_TOTAL = '{__name__=~"cluster:cloudmon_.*"}'


@dataclass(frozen=True)
class Stack:
    """A fleet's Prometheus and the facade on it; ``names`` fills the paths above."""

    prometheus: Prometheus
    process: Process
    facade_url: str
    names: dict[str, str]

    def facade(self) -> Facade:
        return Facade(self.facade_url)

    def upstream(self) -> Upstream:
        return Upstream(self.prometheus.url)

    def path(self, template: str) -> str:
        return template.format(**self.names)


@contextmanager
def running(fleet: LiveFleet, *, past: bool) -> Iterator[Stack]:
    pod = next(iter(fleet.by_node.values())).pods[0]
    with tempfile.TemporaryDirectory() as temporary, exporting(fleet) as address:
        directory = Path(temporary)
        if past:
            write_past(fleet, directory / "data")
        config, rules = scrape_config(fleet, address), rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)
        with (
            Prometheus(config, {"rules.yml": rules}, data_directory=directory / "data") as prometheus,
            facade_process(directory, PROMETHEUS_URL=prometheus.url, FACADE_THREADS="16") as (process, url),
        ):
            known = {"pod": pod.name, "namespace": pod.namespace, "deployment": pod.workload[1]}
            yield Stack(prometheus, process, url, known)


def warm_up(stack: Stack, fleet: LiveFleet) -> None:
    """Wait until the totals are of all pods, and rates have what they need."""
    ready = f"cluster:cloudmon_pods:count >= {fleet.nodes * fleet.pods_per_node}"
    wait_until(lambda: stack.prometheus.query(ready), WARM_UP_SECONDS, "totals of all pods")
    time.sleep(max(0.0, fleet.started + WARM_UP_SECONDS - time.time()))


class Report:
    """What was measured, in order; printed as it comes."""

    def __init__(self, only: str = "") -> None:
        self._only = only
        self.figures: dict[str, dict[str, Any]] = {}
        print("| figure | value | quartiles | medians | target | met |\n|---|---|---|---|---|---|", flush=True)

    def add(self, name: str, target: str, measure: Callable[[], Ratio | float], *, at_least: bool = False) -> None:
        """A figure that must be at most ``target``, or at least, in the words of the table."""
        if not re.search(self._only, name):
            return
        try:
            found = measure()
        except (NoAnswerError, OSError) as error:
            self.figures[name] = {"value": None, "target": target, "met": False, "failed": str(error)}
            print(f"| {name} | none: {error} | | | {target} | **no** |", flush=True)
            return
        value = found.ratio if isinstance(found, Ratio) else found
        bound = float(target.split(maxsplit=1)[0])
        figure = {"value": value, "target": target, "met": value >= bound if at_least else value <= bound}
        self.figures[name] = figure | (found.as_json() if isinstance(found, Ratio) else {})
        print(_row(name, self.figures[name], at_least=at_least), flush=True)

    def note(self, name: str, found: Ratio) -> None:
        """A figure without a target."""
        self.figures[name] = {"value": found.ratio, "target": None, "met": None, **found.as_json()}
        print(_row(name, self.figures[name], at_least=False), flush=True)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _row(name: str, figure: dict[str, Any], *, at_least: bool) -> str:
    spread = f"{figure['low']:.2f} – {figure['high']:.2f}" if "low" in figure else ""
    times = ""
    if "seconds" in figure:
        times = f"{1000 * figure['seconds']:.1f} ms ÷ {1000 * figure['reference_seconds']:.1f} ms"
        if at_least:  # what was taken is a second's answers
            times = f"{figure['seconds']:.0f} ÷ {figure['reference_seconds']:.1f} a second"
    target = "" if figure["target"] is None else f"{'≥' if at_least else '≤'} {figure['target']}"
    verdict = {None: "", True: "yes", False: "**no**"}[figure["met"]]
    return f"| {name} | {figure['value']:.2f} | {spread} | {times} | {target} | {verdict} |"


def measure_cold(report: Report, stack: Stack, pairs: int) -> None:
    facade, upstream, direct = stack.facade(), stack.upstream(), Server(stack.prometheus.url)
    for name, (template, target) in COLD.items():
        path = stack.path(template)

        def against_the_same(path: str = path) -> Ratio:
            forms = facade.asked_for(path)
            quick = seconds(lambda: facade.cold(path)) < 0.1
            return in_turn(lambda: facade.cold(path), lambda: upstream.ask(forms), 10 * pairs if quick else pairs)

        report.add(f"cold, {name} ÷ the same", str(target), against_the_same)
    for name, (path, target) in IN_UNITS.items():

        def in_units(path: str = path) -> Ratio:
            def unit() -> None:
                direct.post("/api/v1/query", {"query": ONE_SIGNAL})

            return in_turn(lambda: facade.cold(path), unit, pairs)

        report.add(f"cold, {name}", f"{target} U", in_units)


def measure_hot(report: Report, stack: Stack) -> None:
    for name, paths, target in (
        ("lists", [stack.path(path) for path in HOT_LISTS], "10"),
        ("one pod", [stack.path(COLD["one pod"][0])], "1"),
    ):

        def hot(paths: list[str] = paths) -> Ratio:
            queries = [stack.facade().asked_for(path) for path in paths]
            forms = [form for asked in queries for form in asked]
            direct = [f"{path_of(form)}?{urlencode(form)}" for form in forms]
            pairs = []
            for _ in range(3):
                answered = requests_per_second(stack.facade_url, paths, HOT_SECONDS, CLIENTS)
                asked = requests_per_second(stack.prometheus.url, direct, HOT_SECONDS, CLIENTS)
                pairs.append((answered, asked * len(paths) / len(forms)))
            return of_pairs(pairs)

        report.add(f"hot, {name}: answers a second ÷ Prometheus's", target, hot, at_least=True)


def measure_queries(report: Report, stack: Stack) -> None:
    """Identical requests of 32 clients at once, within one scrape interval: how many of each query are asked."""
    direct = Server(stack.prometheus.url)

    def upstream_queries() -> float:
        text = direct.get("/metrics").decode()
        prefix = 'prometheus_http_requests_total{code="200",handler="/api/v1/query"} '
        return next(float(line.removeprefix(prefix)) for line in text.splitlines() if line.startswith(prefix))

    def ask_again_and_again(path: str) -> None:
        client = stack.facade()
        for _ in range(10):
            client.get(path)

    def asked_of_each() -> float:
        path = stack.path(COLD["one node's 100 pods, every signal"][0])
        found: list[float] = []
        for trial in range(12):
            once = f"{path}?offset={trial}"
            queries = len(stack.facade().asked_for(once))
            # The facade's clock is Prometheus's to a second: by it too, the interval has then begun.
            wait_until(lambda: 2 < time.time() % SCRAPE_SECONDS < 3, 2 * SCRAPE_SECONDS, "an interval's third second")
            interval, before = time.time() // SCRAPE_SECONDS, upstream_queries()
            with ThreadPoolExecutor(CLIENTS) as clients:
                for answered in [clients.submit(ask_again_and_again, once) for _ in range(CLIENTS)]:
                    answered.result()
            # On a busy machine the next interval may have begun, in which they are asked again.
            if time.time() // SCRAPE_SECONDS == interval:
                found.append((upstream_queries() - before) / queries)
            if len(found) == 3:
                return statistics.median(found)
        raise NoAnswerError("32 clients did not get their answers within one scrape interval")

    report.add("upstream queries per identical request within an interval", "1", asked_of_each)


def measure_totals(report: Report, stack: Stack, small: Stack, pairs: int) -> None:
    for name, template in TOTALS.items():
        paths = stack.path(template), small.path(template)

        def compared(paths: tuple[str, str] = paths) -> Ratio:
            large_facade, small_facade = stack.facade(), small.facade()
            return in_turn(lambda: large_facade.cold(paths[0]), lambda: small_facade.cold(paths[1]), 10 * pairs)

        report.add(f"totals, {name}: 10,000 pods ÷ 100 pods", "1.5", compared)
    one, other = Server(stack.prometheus.url), Server(small.prometheus.url)
    report.add(
        "totals, the cluster: 10,000 pods ÷ 100 pods",
        "1.5",
        lambda: in_turn(
            lambda: one.post("/api/v1/query", {"query": CLUSTER_TOTAL}),
            lambda: other.post("/api/v1/query", {"query": CLUSTER_TOTAL}),
            10 * pairs,
        ),
    )
    facade = stack.facade()
    week, hour = (
        f"/api/namespaces/{namespace(0)}/timeseries?window={window}&step={step}"
        for window, step in (("7d", "5100s"), ("1h", "30s"))
    )
    report.add(
        "a namespace over 7 days ÷ over 1 hour, 120 points",
        "2",
        lambda: in_turn(lambda: facade.cold(week), lambda: facade.cold(hour), 3 * pairs),
    )


def measure_rules(report: Report, stack: Stack) -> None:
    """While nobody asks anything, so that what is measured is the rules."""
    direct = Server(stack.prometheus.url)

    def of_group(metric: str) -> float:
        prefix = f"prometheus_rule_group_{metric}{{rule_group="
        lines = direct.get("/metrics").decode().splitlines()
        return float(next(line for line in lines if line.startswith(prefix) and f';{GROUP}"' in line).split()[-1])

    def rules() -> float:
        taken: dict[float, float] = {}
        began = time.time()
        while len(taken) < EVALUATIONS:
            wait_until(
                lambda: of_group("last_evaluation_timestamp_seconds") > max(taken, default=began),
                4 * SCRAPE_SECONDS,
                "an evaluation of the rules",
            )
            taken[of_group("last_evaluation_timestamp_seconds")] = of_group("last_duration_seconds")
        return statistics.median(taken.values()) / SCRAPE_SECONDS

    report.add("the whole chain of rules, of its interval", "0.333", rules)


def measure_rest(report: Report, stack: Stack) -> None:
    facade = stack.facade()

    def resident() -> float:
        for _ in range(4):
            for path in ("/api/pods", "/api/pods?metrics=cpu_cores", "/api/pods?sort=-restarts"):
                stack.facade().cold(path)  # another connection, and so another process
        return max(resident_mebibytes(stack.process.pid))

    report.add("resident MiB of a process after lists of all pods", "120", resident)
    facade.get("/healthz")


def main(arguments: Sequence[str] | None = None, beside: Beside = lambda _stack, _pairs: ()) -> None:
    """``beside`` measures more on the same fleet; what it finds has no target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods-per-node", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where the report is written as JSON too")
    parser.add_argument("--only", default="", help="a regular expression: the figures whose names it is found in")
    options = parser.parse_args(arguments)
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.time()
    large = LiveFleet(options.nodes, options.pods_per_node, DEPLOYMENTS, started)
    report = Report(options.only)
    with ExitStack() as stack:
        whole = stack.enter_context(running(large, past=True))
        small = stack.enter_context(running(LiveFleet(1, 100, 5, started), past=False))
        warm_up(whole, large)
        measure_rules(report, whole)
        measure_cold(report, whole, options.pairs)
        measure_totals(report, whole, small, options.pairs)
        measure_queries(report, whole)
        measure_hot(report, whole)
        measure_rest(report, whole)
        for name, found in beside(whole, options.pairs):
            report.note(name, found)
    if options.json:
        report.write(options.json)


if __name__ == "__main__":
    main()
