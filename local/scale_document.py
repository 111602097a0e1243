"""docs/scale.md: what clusters of each size need, computed from what was measured (scale.yaml), and what routes touch
in them (scale_plans.json, written by bench/plans.py).

The words are in scale.template.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from local.api_tables import table
from promql.catalogue import Catalogue
from promql.rules import COARSE_AGGREGATES, COARSE_SECONDS

TEMPLATE: Final = Path(__file__).with_name("scale.template.md")
DATA: Final = Path(__file__).with_name("scale.yaml")
PLANS: Final = Path(__file__).with_name("scale_plans.json")
_DAY: Final = 86400.0
_GIB: Final = 2**30
# Routes of these ask for one entity; of others, for all of a kind.
_ONE: Final = ("{pod}", "{node}", "{namespace}", "{deployment}", "nothing")


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of scale.yaml by group and name, as numbers."""

    sizes: tuple[int, ...]
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @classmethod
    def load(cls) -> Constants:
        data = yaml.safe_load(DATA.read_text("utf-8"))
        return cls(tuple(data.pop("sizes")), data)

    def __call__(self, group: str, name: str) -> float:
        return float(self.groups[group][name]["value"])


@dataclass(frozen=True, slots=True)
class Size:
    """A cluster of so many pods, and what it needs. Cores, bytes and seconds."""

    pods: int
    constants: Constants

    @property
    def nodes(self) -> int:
        return self._entities("pods_a_node")

    @property
    def scraped(self) -> float:
        """Series that exporters give."""
        of = self.constants
        return (
            self.pods * of("series", "pod")
            + self.nodes * of("series", "node")
            + self._entities("pods_a_workload") * of("series", "workload")
            + self._entities("pods_a_namespace")
        )

    @property
    def totals(self) -> int:
        """Series that the chain of rules records: of workloads, namespaces and the cluster."""
        entities = self._entities("pods_a_workload") + self._entities("pods_a_namespace") + 1
        return entities * len(Catalogue.load().totals.recorded())

    @property
    def coarse(self) -> int:
        """Series of the second resolution."""
        return self.totals * len(COARSE_AGGREGATES)

    @property
    def series(self) -> float:
        return self.scraped + self.totals + self.coarse

    @property
    def samples_a_second(self) -> float:
        seconds = self.constants("shape", "scrape_seconds")
        return (self.scraped + self.totals) / seconds + self.coarse / COARSE_SECONDS

    @property
    def disk(self) -> float:
        of = self.constants
        seconds = of("shape", "scrape_seconds")
        a_second = self.scraped * of("disk", "sample") + self.totals * of("disk", "total")
        coarse = self.coarse / COARSE_SECONDS * of("disk", "coarse")
        return (a_second / seconds + coarse) * of("shape", "retention_days") * _DAY

    @property
    def memory(self) -> float:
        of = self.constants
        # A chunk that is being filled, and as much again until the collector comes by.
        each = of("prometheus", "resident") + 2 * of("prometheus", "chunk") * of("disk", "sample")
        series = self.series * of("prometheus", "churn") * each
        return (series + self.pods * of("prometheus", "evaluation")) * of("prometheus", "headroom")

    @property
    def scraping(self) -> float:
        of = self.constants
        return self.samples_a_second * of("prometheus", "scrape") * of("prometheus", "compaction")

    @property
    def rules(self) -> float:
        return self.pods * self.constants("prometheus", "rules")

    @property
    def chain_share(self) -> float:
        """Of the interval between two evaluations, what the chain takes on one Prometheus, one rule after the other."""
        of = self.constants
        return self.pods * of("prometheus", "chain") / of("shape", "scrape_seconds")

    @property
    def prometheus_shards(self) -> int:
        """How many servers share out the series, by their memory."""
        return math.ceil(self.memory / self.constants("prometheus", "memory"))

    @property
    def cluster_exporters(self) -> int:
        of = self.constants
        base = of("cluster_exporter", "base")
        room = of("cluster_exporter", "memory") - base
        return max(1, math.ceil(self.pods * of("cluster_exporter", "pod") / room))

    @property
    def facades(self) -> int:
        """As many as the readers need, and one that may be away."""
        of = self.constants
        each = of("facade", "processes") * of("facade", "busy") / of("facade", "seconds")
        return 1 + max(1, math.ceil(self.pods * of("facade", "requests") / each))

    @property
    def engine(self) -> str:
        """One Prometheus while memory and rules allow it; shards of it while rules do; then an engine that shares out
        the evaluation of rules too.
        """
        if self.chain_share > self.constants("prometheus", "chain_share"):
            return "VictoriaMetrics or Mimir"
        return "one Prometheus" if self.prometheus_shards == 1 else "Prometheus in shards"

    def _entities(self, pods_a: str) -> int:
        return math.ceil(self.pods / self.constants("shape", pods_a))


def scale_document() -> str:
    """The whole of docs/scale.md."""
    constants = Constants.load()
    sizes = [Size(pods, constants) for pods in constants.sizes]
    plans = json.loads(PLANS.read_text("utf-8"))
    one = {route: of for route, of in plans.items() if any(name in route for name in _ONE)}
    parts = {
        "sizes": _sizes(sizes),
        "needs": _needs(sizes),
        "constants": _constants(constants),
        "records": str(len(Catalogue.load().totals.recorded())),
        "aggregates": str(len(COARSE_AGGREGATES)),
        "one_prometheus": f"{_most_pods(constants):,}",
        "one": _plans(one),
        "all": _plans({route: of for route, of in plans.items() if route not in one}),
        "verdict": verdict(one),
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(parts)


def _sizes(sizes: Iterable[Size]) -> str:
    rows = (
        (
            f"{size.pods:,}",
            f"{size.nodes:,}",
            f"{rounded(size.scraped)} + {rounded(size.totals + size.coarse)}",
            rounded(size.samples_a_second),
            f"{rounded(size.disk / _GIB)} GiB",
            f"{rounded(size.memory / _GIB)} GiB",
            f"{rounded(size.scraping)} + {rounded(size.rules)}",
            f"{size.chain_share:.0%}",
        )
        for size in sizes
    )
    heads = ("pods", "nodes", "series: scraped + recorded", "samples a second", "disk", "Prometheus: memory")
    return table((*heads, "cores: scraping + rules", "chain of rules, of its interval"), rows)


def _needs(sizes: Iterable[Size]) -> str:
    rows = (
        (f"{size.pods:,}", size.engine, f"{size.prometheus_shards}", f"{size.cluster_exporters}", f"{size.facades}")
        for size in sizes
    )
    return table(("pods", "engine", "Prometheus servers, by memory", "exporters of scope cluster", "facades"), rows)


def _constants(constants: Constants) -> str:
    rows = (
        (f"`{group}.{name}`", _plain(one["value"]), one["of"], one["from"])
        for group, of in constants.groups.items()
        for name, one in of.items()
    )
    return table(("constant", "", "is", "from"), rows)


def _plans(plans: Mapping[str, Mapping[str, Any]]) -> str:
    sizes = list(next(iter(plans.values()))["plans"])
    heads = ("route", "queries", *(f"{int(size):,} pods" for size in sizes))
    rows = (
        (
            f"`{route.replace('{', '<').replace('}', '>')}`",
            f"{of['queries']}",
            *(f"{plan['series']:,} ({plan['lists']:,})" for plan in of["plans"].values()),
        )
        for route, of in plans.items()
    )
    return table(heads, rows)


def verdict(plans: Mapping[str, Mapping[str, Any]]) -> str:
    grown = [route for route, of in plans.items() if len({plan["series"] for plan in of["plans"].values()}) > 1]
    if not grown:
        return "None of them touches a series more in the larger cluster."
    return f"{len(grown)} of these {len(plans)} touch more series in a larger cluster."


def _most_pods(constants: Constants) -> int:
    """The largest cluster whose rules one Prometheus evaluates in time, to the thousand."""
    seconds = constants("shape", "scrape_seconds") * constants("prometheus", "chain_share")
    return int(seconds / constants("prometheus", "chain")) // 1000 * 1000


def rounded(value: float) -> str:
    """Two digits that count: it is a size to plan with."""
    if value <= 0:
        return "0"
    near = float(f"{value:.1e}")
    return f"{near:,.{max(0, 1 - math.floor(math.log10(near)))}f}"


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.7f}".rstrip("0").rstrip(".")
