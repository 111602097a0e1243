"""What it costs to read shards: one Prometheus with everything, and one that reads two shards, asked the same in turn.

``python -m bench.global_view`` prints ratios of one run: of single queries, and of the chain of recording rules as
Prometheus itself times it. A pod has every series that both scopes export.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import yaml

from bench.live_fleet import SCRAPE_SECONDS, LiveFleet, exporting
from bench.measuring import Server, in_turn
from promql import names
from promql.config import prometheus_config
from promql.rules import GROUP, rules_file
from tests.harness import Prometheus

SHARDS: Final = 2
DETAIL_SECONDS: Final = 60.0


def config(fleet: LiveFleet, address: str, shard: tuple[int, int] | None = None) -> str:
    nodes = dict.fromkeys(fleet.by_node, address)
    rules = [] if shard else ["rules.yml"]
    found = yaml.safe_load(prometheus_config(nodes, address, "bench", SCRAPE_SECONDS, rules, shard=shard))
    for target in found["scrape_configs"][0]["static_configs"]:
        target["labels"]["__metrics_path__"] = f"/{target['labels']['instance']}"
    return yaml.safe_dump(found)


@contextmanager
def running(fleet: LiveFleet) -> Iterator[tuple[Prometheus, Prometheus]]:
    """One with everything, and one that reads; both evaluate the rules."""
    rules = {"rules.yml": rules_file(SCRAPE_SECONDS, DETAIL_SECONDS)}
    with ExitStack() as stack:
        address = stack.enter_context(exporting(fleet))
        whole = stack.enter_context(Prometheus(config(fleet, address), rules))
        shares = [config(fleet, address, (shard, SHARDS)) for shard in range(SHARDS)]
        urls = [stack.enter_context(Prometheus(share)).url for share in shares]
        reads = [f"{url}/api/v1/read" for url in urls]
        reading = prometheus_config({}, None, None, SCRAPE_SECONDS, ["rules.yml"], remote_read=reads)
        yield whole, stack.enter_context(Prometheus(reading, rules))


def chain_seconds(server: Prometheus) -> float:
    """How long the last evaluation of the chain took."""
    groups = json.loads(Server(server.url).get("/api/v1/rules?type=record"))["data"]["groups"]
    (seconds,) = [group["evaluationTime"] for group in groups if group["name"] == GROUP]
    return float(seconds)


def resident_mebibytes(server: Prometheus) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def queries(uid: str) -> dict[str, str]:
    return {
        "one signal of one pod": f'{names.POD_CPU_USAGE_CORES.name}{{uid="{uid}"}}',
        "one signal of all pods": f"max by (cluster, uid) ({names.POD_CPU_USAGE_CORES.name})",
        "one rate of all pods": f"max by (cluster, uid) (rate({names.POD_CPU_USAGE_SECONDS.name}[75s]))",
    }


def asking(server: Prometheus, expr: str) -> Callable[[], bytes]:
    kept = Server(server.url)
    return lambda: kept.post("/api/v1/query", {"query": expr})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=25, help="nodes of 100 pods each (25)")
    parser.add_argument("--pairs", type=int, default=9, help="times that each query is asked of both (9)")
    parser.add_argument("--evaluations", type=int, default=5, help="evaluations of the rules that are timed (5)")
    options = parser.parse_args()
    fleet = LiveFleet(options.nodes, 100, 100, time.time())
    pod = next(iter(fleet.by_node.values())).pods[0]
    with running(fleet) as (whole, view):
        pods = options.nodes * 100
        # A rate of every counter.
        view.wait_for(f"count(rate({names.POD_CPU_USAGE_SECONDS.name}[75s])) == {pods}", 120)
        taken: list[tuple[float, float]] = []
        for _ in range(options.evaluations):
            taken.append((chain_seconds(view), chain_seconds(whole)))
            time.sleep(SCRAPE_SECONDS)
        of_view, of_whole = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"{pods} pods, {SHARDS} shards; medians\n\n| | reading | alone | ratio |\n|---|---|---|---|")
        for name, expr in queries(pod.uid).items():
            ratio = in_turn(asking(view, expr), asking(whole, expr), options.pairs)
            times = f"{ratio.seconds * 1000:.1f} ms | {ratio.reference_seconds * 1000:.1f} ms"
            print(f"| {name} | {times} | {ratio.ratio:.1f} ({ratio.low:.1f}–{ratio.high:.1f}) |")
        print(f"| the chain of rules | {of_view:.2f} s | {of_whole:.2f} s | {of_view / of_whole:.1f} |")
        memory = [resident_mebibytes(server) for server in (view, whole)]
        print(f"| resident memory | {memory[0]:.0f} MiB | {memory[1]:.0f} MiB | {memory[0] / memory[1]:.1f} |")


if __name__ == "__main__":
    main()
