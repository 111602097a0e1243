"""What pods cost on the wire and on Prometheus's disk: this exporter's series against cAdvisor's for the same pods.

    python bench/storage.py [--recordings lab-1 lab-3] [--hours 2] [--speed 20] [--json FILE]

Needs promtool on PATH; half a minute a recording. Real exporters of both scopes read a replayed node
(``tests/replay``) and are scraped as often as a recorded 15 s pass; beside each scrape stands the text that the node's
own cAdvisor gave at that moment. So both sides tell of the same pods in the same ten minutes, with every change of
value that there really was. The ten minutes are repeated until the hours are full, counters counting on from where they
were. Then promtool makes blocks of each side, with the same timestamps (those of the scrape; cAdvisor's own, which it
also gives, would cost it more) and the same target labels, and what counts is the bytes of their chunks and index.

Only pods that run throughout count. cAdvisor's series are all that it gives of a pod's cgroups, containers included.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))

import itertools

from bench.exporter import CLUSTER_READY, EXTRA, INTERVALS, Exporters, exporter, scrape
from local.openmetrics import number, sample, timestamp
from promql.catalogue import Catalogue, record
from tests.harness import wait_until
from tests.replay import Endpoint, Recording, ReplayedCluster

SCRAPE_SECONDS: Final = INTERVALS["SCRAPE_INTERVAL"]
# A multiple of two hours, as blocks begin at.
BEGIN_SECONDS: Final = 1795521600
TARGET: Final = 'cluster="bench",instance="node-1",job="cloudmon"'
READY: Final = "cloudmon_pod_cpu_usage_cores"
_LINE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)")
_OUR_POD: Final = re.compile(r'(?:^|,)uid="([^"]*)"')
_CADVISOR_POD: Final = re.compile(r'(?:^|,)id="[^"]*/pod([0-9a-f-]{36})')
_CADVISOR_COUNTER: Final = re.compile(r"^# TYPE (\w+) counter$", re.MULTILINE)
Key = tuple[str, str]


@dataclass
class Side:
    """The scrapes of one side: the values of each series by its name and labels, None where a scrape had it not."""

    pod: re.Pattern[str]
    counters: set[str] = field(default_factory=set)
    values: dict[Key, list[float | None]] = field(default_factory=dict)
    sizes: dict[Key, int] = field(default_factory=dict)
    scrapes: int = 0

    def add(self, text: str) -> None:
        """One scrape; the empty text is one that failed."""
        self.counters.update(_CADVISOR_COUNTER.findall(text))
        for line in text.splitlines():
            found = _LINE.match(line)
            if found is None or self.pod.search(found[2]) is None:
                continue
            key = found[1], found[2]
            self.values.setdefault(key, [None] * self.scrapes).append(float(found[3]))
            self.sizes[key] = len(line.encode()) + 1
        self.scrapes += 1
        for values in self.values.values():
            if len(values) < self.scrapes:
                values.append(None)

    def uid(self, key: Key) -> str:
        found = self.pod.search(key[1])
        return "" if found is None else found[1]

    def counts(self, name: str) -> bool:
        return name in self.counters or name.endswith("_total")

    def throughout(self) -> set[str]:
        """The pods of which every scrape that succeeded says something."""
        seen = [number for number in range(self.scrapes) if any(v[number] is not None for v in self.values.values())]
        there: dict[str, set[int]] = defaultdict(set)
        for key, values in self.values.items():
            there[self.uid(key)].update(number for number in seen if values[number] is not None)
        return {uid for uid, numbers in there.items() if len(numbers) == len(seen)}

    def only(self, uids: set[str], *, containers: bool = True, extra: bool = True) -> dict[Key, list[float | None]]:
        """The series of these pods."""
        return {
            key: values
            for key, values in self.values.items()
            if self.uid(key) in uids
            and (containers or not key[0].startswith("cloudmon_container_"))
            and (extra or not EXTRA.match(key[0]))
        }

    def last(self, series: Mapping[Key, list[float | None]]) -> list[int]:
        """The bytes of each of the series that the last successful scrape had."""
        last = max(number for values in series.values() for number, value in enumerate(values) if value is not None)
        return [self.sizes[key] for key, values in series.items() if values[last] is not None]


def watched(name: str, how: Exporters) -> tuple[Side, Side]:
    """Both sides of a recording: ours and cAdvisor's, a scrape for every recorded 15 s."""
    recording = Recording.named(name)
    ours, theirs = Side(_OUR_POD), Side(_CADVISOR_POD)
    with (
        ReplayedCluster(recording, how.speed) as cluster,
        exporter(cluster, "node", how) as (_, node),
        exporter(cluster, "cluster", how) as (_, whole),
    ):
        wait_until(lambda: READY in scrape(node), 60, f"{READY} in the exposition")
        wait_until(lambda: CLUSTER_READY in scrape(whole), 60, f"{CLUSTER_READY} in the exposition")
        cluster.begin()
        began, last = time.time(), recording.moments[-1].time_unix
        for count in range(1, int((last - recording.first_instant_unix) / SCRAPE_SECONDS) + 1):
            time.sleep(max(0.0, began + count * how.seconds - time.time()))
            now = cluster.timeline.now()
            moment = [moment for moment in recording.moments if moment.time_unix <= now][-1]
            theirs.add((moment.body(Endpoint.CADVISOR) or b"").decode())
            ours.add(scrape(node) + scrape(whole))
    return ours, theirs


def lines(side: Side, series: Mapping[Key, list[float | None]], hours: float) -> Iterator[str]:
    """OpenMetrics text of so many hours, families together."""
    total = round(hours * 3600 / SCRAPE_SECONDS)
    stamps = [timestamp((BEGIN_SECONDS + count * SCRAPE_SECONDS) * 1000) for count in range(total)]
    for name, labels in sorted(series):
        values = series[name, labels]
        grown = _growth(values) if side.counts(name) else 0.0
        start = f"{name}{{{labels},{TARGET}}} "
        for count, stamp in enumerate(stamps):
            cycle, place = divmod(count, len(values))
            if (value := values[place]) is not None:
                yield f"{start}{sample(number(round(value + cycle * grown, 9) if grown else value), stamp)}\n"


def _growth(values: Iterable[float | None]) -> float:
    """By how much a counter grows in all the scrapes, resets left out."""
    known = [value for value in values if value is not None]
    return sum(max(0.0, after - before) for before, after in itertools.pairwise(known))


def on_disk(text: Iterable[str], hours: float, directory: Path) -> dict[str, int]:
    """The bytes of the chunks and of the index that promtool makes of it, as a store keeps them."""
    directory.mkdir()
    path = directory / "all.om"
    with path.open("w") as file:
        file.writelines(text)
        file.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", f"--max-block-duration={hours:g}h"]
    subprocess.run([*command, str(path), str(directory / "data")], check=True, stdout=subprocess.DEVNULL)
    parts = {"chunks": "chunks/*", "index": "index"}
    found = {
        part: sum(file.stat().st_size for file in directory.glob(f"data/*/{which}")) for part, which in parts.items()
    }
    path.unlink()
    return found


def recorded(series: Mapping[Key, list[float | None]]) -> dict[Key, list[float | None]]:
    """Totals of these pods as the rules would record them, of one workload: the sum of every gauge that they sum up."""
    found: dict[Key, list[float | None]] = {}
    for total in Catalogue.load().totals.sums:
        of = [values for (metric, _), values in series.items() if metric == total.metric]
        if of:
            sums = [sum(value for value in moment if value is not None) for moment in zip(*of, strict=True)]
            labels = 'namespace="shop",workload="api",workload_kind="Deployment"'
            found[record("workload", total.metric, "sum"), labels] = [*sums]
    return found


def measure(name: str, hours: float, how: Exporters) -> dict[str, dict[str, Any]]:
    """The figures of a recording, by name."""
    ours, theirs = watched(name, how)
    uids = ours.throughout() & theirs.throughout()
    all_ours, pod_ours = ours.only(uids), ours.only(uids, containers=False, extra=False)
    all_theirs = theirs.only(uids)
    samples = sum(value is not None for values in all_ours.values() for value in values) / ours.scrapes
    pods = len(uids)
    totals = recorded(pod_ours)
    sides = {"ours": (ours, all_ours), "pods": (ours, pod_ours), "cadvisor": (theirs, all_theirs)}
    sides["totals"] = ours, totals
    disk = {
        side: on_disk(lines(which, series, hours), hours, how.directory / f"{name}-{side}")
        for side, (which, series) in sides.items()
    }
    of_pod = {side: sum(parts.values()) / pods / hours for side, parts in disk.items()}
    sizes = {side: which.last(series) for side, (which, series) in sides.items() if side != "totals"}
    said = {side: sum(lengths) / pods for side, lengths in sizes.items()}
    most = defaultdict[str, int](int)
    for key in pod_ours:
        most[ours.uid(key)] += 1
    scrapes = hours * 3600 / SCRAPE_SECONDS
    per_sample = sum(disk["ours"].values()) / (samples * scrapes)
    per_total = disk["totals"]["chunks"] / (len(totals) * scrapes)
    counts = {side: len(lengths) / pods for side, lengths in sizes.items()}
    return {
        f"{name}: pods that run throughout": plain(pods),
        f"{name}: series of a pod, at most": plain(max(most.values()), 29),
        f"{name}: series a pod, cAdvisor's ÷ pod series": divided(counts["cadvisor"], counts["pods"]),
        f"{name}: series a pod, cAdvisor's ÷ all": divided(counts["cadvisor"], counts["ours"]),
        f"{name}: exposition bytes a pod, cAdvisor's ÷ pod series": divided(said["cadvisor"], said["pods"], 8),
        f"{name}: exposition bytes a pod, cAdvisor's ÷ all": divided(said["cadvisor"], said["ours"], 6),
        f"{name}: bytes on disk a pod-hour, cAdvisor's ÷ pod series": divided(of_pod["cadvisor"], of_pod["pods"]),
        f"{name}: bytes on disk a pod-hour, cAdvisor's ÷ all": divided(of_pod["cadvisor"], of_pod["ours"], 5),
        f"{name}: bytes on disk a sample": plain(per_sample),
        f"{name}: bytes on disk a sample of a recorded sum, without the index": plain(per_total),
        f"{name}: share of the index in a sample": plain(disk["ours"]["index"] / sum(disk["ours"].values())),
    }


def plain(value: float, at_most: float | None = None) -> dict[str, Any]:
    return {"value": value, "target": at_most, "met": None if at_most is None else value <= at_most}


def divided(theirs: float, ours: float, at_least: float | None = None) -> dict[str, Any]:
    met = None if at_least is None else theirs / ours >= at_least
    return {"value": theirs / ours, "target": at_least, "met": met, "cadvisor": theirs, "ours": ours}


def row(name: str, figure: Mapping[str, Any]) -> str:
    """A line of the report, in the columns of bench/facade.py."""
    of = f"{figure['cadvisor']:,.0f} ÷ {figure['ours']:,.0f}" if "ours" in figure else ""
    target = "" if figure["target"] is None else f"{'≥' if of else '≤'} {figure['target']:g}"
    met = {None: "", True: "yes", False: "**no**"}[figure["met"]]
    return f"| {name} | {figure['value']:.4g} | | {of} | {target} | {met} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", nargs="*", default=["lab-1", "lab-3"])
    parser.add_argument("--hours", type=float, default=2, help="at most as long as a block: an even number")
    parser.add_argument("--speed", type=float, default=20, help="how much faster than recorded time passes")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    print("| figure | value | quartiles | values | target | met |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-storage-") as directory:
        how = Exporters(sys.executable, arguments.speed, Path(directory))
        for name in arguments.recordings:
            found = measure(name, arguments.hours, how)
            figures |= found
            for figure in found.items():
                print(row(*figure), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
