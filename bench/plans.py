"""How many series the queries of each route touch, as the cluster grows: no route of one entity may grow with it.

    python bench/plans.py [--pods 1000 10000 150000] [--json FILE] [--explain REGEX]

Needs prometheus and promtool on PATH; a quarter of a minute. The queries are those that the real facade asks of a real
Prometheus, which holds a small fleet. Their selectors are then counted in an index of fleets of each size, in which the
same entity is as large as before: a node of 30 pods, a namespace of 100, a Deployment of 10 (``tests/harness``:
``plans.py``, ``plan_fleet.py``; a test compares the counts with Prometheus's own). A series that several selectors
match counts each time. *Lists* are the lists of postings that are opened to find them.

With ``--json local/scale_plans.json`` the counts become those of docs/scale.md (``make docs``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from promql.dialects.scan import Found
from tests.harness.plan_fleet import PlanFleet
from tests.harness.plan_routes import ALL, ONE, asking, total
from tests.harness.plans import Index, Plan, selectors, text

ASKED_OF_PODS = 200


def plans(sizes: Sequence[int], asked: Mapping[str, list[Found]]) -> dict[str, list[Plan]]:
    """Of each route, what it touches at each size."""
    found: dict[str, list[Plan]] = {route: [] for route in asked}
    for size in sizes:
        index = Index(PlanFleet(size).entities())
        print(f"{size:,} pods: {index.series:,} series", file=sys.stderr, flush=True)
        for route, of in asked.items():
            found[route].append(total(index, of))
    return found


def growing(sizes: Sequence[int], asked: list[Found]) -> list[tuple[str, list[Plan]]]:
    """The selectors that match more series in a larger cluster, each once."""
    indexes = [Index(PlanFleet(size).entities()) for size in sizes]
    found = {text(one): [index.plan(one) for index in indexes] for one in asked}
    return [(selector, plan) for selector, plan in found.items() if len({one.series for one in plan}) > 1]


def markdown(sizes: Sequence[int], asked: Mapping[str, int], found: Mapping[str, list[Plan]]) -> str:
    """A line a route: its queries, and series and lists at each size."""
    heads = ["route", "queries", *(f"{size:,} pods" for size in sizes), "grows"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for route, of in found.items():
        cells = [f"{plan.series:,} ({plan.lists:,})" for plan in of]
        grows = of[-1].series / of[0].series if of[0].series else 1.0
        name = re.sub(r"\{(\w+)\}", r"<\1>", route)
        lines.append(f"| `{name}` | {asked[route]} | {' | '.join(cells)} | {f'× {grows:.1f}' if grows > 1 else ''} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, nargs="*", default=[1000, 10_000, 150_000])
    parser.add_argument("--json", type=Path, help="where the table is written as JSON too")
    parser.add_argument("--explain", help="a regular expression: of these routes, show the selectors that grow")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, asking(Path(directory) / "data", PlanFleet(ASKED_OF_PODS)) as app:
        queries = {route: app.queries(route) for route in (*ONE, *ALL)}
    asked = {route: [found for query in of for found in selectors(query)] for route, of in queries.items()}
    counts = {route: len(of) for route, of in queries.items()}
    if arguments.explain:
        chosen = [found for route, of in asked.items() if re.search(arguments.explain, route) for found in of]
        for selector, plan in growing(arguments.pods, chosen):
            print(f"{[one.series for one in plan]} {selector}")
        return
    found = plans(arguments.pods, asked)
    for title, routes in (("one entity", ONE), ("a whole kind", ALL)):
        print(
            f"\nRoutes of {title}: series (lists)\n\n{markdown(arguments.pods, counts, {r: found[r] for r in routes})}"
        )
    if arguments.json:
        document: dict[str, Any] = {
            route: {
                "queries": counts[route],
                "plans": dict(zip(map(str, arguments.pods), map(asdict, of), strict=True)),
            }
            for route, of in found.items()
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
