"""What Prometheus takes to scrape, keep and sum up a fleet while nobody asks: CPU and memory, with rules and without.

    python bench/ingest.py [--nodes 100] [--pods-per-node 100] [--deployments 500] [--seconds 90] [--json FILE]

Needs prometheus on PATH; about five minutes. A real Prometheus scrapes the fleet of ``bench/facade.py`` twice, each
time started anew: without recording rules, then with them. What the second takes more is theirs. Memory is what is
resident once the series are there; the samples that Prometheus holds in memory for hours come on top of it
(``local/scale.yaml`` counts them in). The figures are absolute: they size machines like the one they are taken on.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.live_fleet import SCRAPE_SECONDS, LiveFleet, exporting, scrape_config
from bench.measuring import Server
from promql.rules import GROUP, rules_file
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until

DETAIL_SECONDS = 60.0
# Until every series is there and the rules have been evaluated twice at least.
SETTLING_SECONDS = 60.0
# How often the last evaluation is looked at; the median of them counts.
LOOK_SECONDS = 5.0
_EVALUATION = "prometheus_rule_group_last_duration_seconds"


@dataclass(frozen=True)
class Load:
    """What one Prometheus did in a while; ``rules_seconds`` is what one evaluation of the chain of rules takes."""

    pods: int
    series: float
    samples_per_second: float
    cpu_cores: float
    resident_bytes: float
    rules_seconds: float


def load(fleet: LiveFleet, seconds: float, rules: str | None) -> Load:
    """The load of a Prometheus that is started for it."""
    with exporting(fleet) as address:
        config, files = scrape_config(fleet, address), {"rules.yml": rules or "groups: []\n"}
        with Prometheus(config, files) as prometheus:
            server = Server(prometheus.url)
            pods = fleet.nodes * fleet.pods_per_node
            wait_until(lambda: prometheus.query(f"count(cloudmon_pod_ready) == {pods}"), 60, "every pod")
            time.sleep(SETTLING_SECONDS)
            began, before = time.monotonic(), own_metrics(server)
            after = before
            chain = []
            while (passed := time.monotonic() - began) < seconds:
                time.sleep(min(LOOK_SECONDS, seconds - passed))
                after = own_metrics(server)
                chain.append(after.get(GROUP, 0.0))
    samples, cpu = (
        (after[name] - before[name]) / passed
        for name in ("prometheus_tsdb_head_samples_appended_total", "process_cpu_seconds_total")
    )
    resident, rules_seconds = after["process_resident_memory_bytes"], statistics.median(chain)
    return Load(pods, after["prometheus_tsdb_head_series"], samples, cpu, resident, rules_seconds)


def own_metrics(server: Server) -> dict[str, float]:
    """What Prometheus says of itself, by metric: labels are left out, and what differs in them alone is summed. The
    last evaluation of the chain of rules is under its group.
    """
    found: dict[str, float] = {}
    for line in server.get("/metrics").decode().splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name = series.partition("{")[0]
            if name == _EVALUATION and series.endswith(f';{GROUP}"}}'):
                name = GROUP
            found[name] = found.get(name, 0.0) + float(value)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--pods-per-node", type=int, default=100)
    parser.add_argument("--deployments", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rules = {"without rules": None, "with rules": rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)}
    found: dict[str, Load] = {}
    heads = ("", "series", "samples a second", "CPU, millicores", "resident, MiB", "bytes a series", "rules, s")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name, text in rules.items():
        fleet = LiveFleet(arguments.nodes, arguments.pods_per_node, arguments.deployments, time.time())
        one = found[name] = load(fleet, arguments.seconds, text)
        mebibytes, each = one.resident_bytes / 2**20, one.resident_bytes / one.series
        print(
            f"| {name} | {one.series:,.0f} | {one.samples_per_second:,.0f} | {1000 * one.cpu_cores:.0f} "
            f"| {mebibytes:.0f} | {each:,.0f} | {one.rules_seconds:.2f} |",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({name: asdict(one) for name, one in found.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
