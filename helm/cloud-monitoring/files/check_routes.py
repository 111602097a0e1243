"""Calls every route of the facade at the URL given and says what each answered; the exit code is 1 unless all were 200.

`helm test` runs this in the facade's own image, with Python's standard library alone. After an installation the first
numbers take about a minute, so that a route which does not answer yet is asked again until the time is over.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

# A part in angle brackets becomes the name of the first one in the list of its kind.
ROUTES = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/api/timeseries?kind=node",
    "/api/timeseries?kind=pod",
    "/api/timeseries?kind=namespace",
    "/api/timeseries?kind=deployment",
    "/api/nodes",
    "/api/nodes/<node>",
    "/api/nodes/<node>/pods",
    "/api/nodes/<node>/timeseries",
    "/api/pods",
    "/api/pods/<pod>",
    "/api/pods/<pod>/timeseries",
    "/api/namespaces",
    "/api/namespaces/<namespace>",
    "/api/namespaces/<namespace>/pods",
    "/api/namespaces/<namespace>/deployments",
    "/api/namespaces/<namespace>/timeseries",
    "/api/deployments",
    "/api/deployments/<deployment>",
    "/api/deployments/<deployment>/pods",
    "/api/deployments/<deployment>/timeseries",
)
ASK_AGAIN_AFTER_SECONDS = 5.0
# Never through a proxy of the environment: what is asked stands in the same cluster.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Unanswered(Exception):
    """A route did not answer 200, or with a list that has nothing in it; the message says what it did."""


def get(url: str) -> bytes:
    """The body of an answer of 200."""
    try:
        with _open(url, timeout=30) as response:
            body: bytes = response.read()
    except urllib.error.HTTPError as error:
        raise Unanswered(f"{error.code} {error.read(500).decode('utf-8', 'replace')}") from error
    except OSError as error:
        raise Unanswered(str(error)) from error
    return body


def first(base: str, kind: str) -> dict[str, str]:
    """The first element of the list of a kind."""
    found = json.loads(get(f"{base}/api/{kind}"))["items"]
    if not found:
        raise Unanswered(f"no {kind} yet")
    element: dict[str, str] = found[0]
    return element


def path_of(base: str, route: str) -> str:
    """The route with the names of things that exist in their places."""
    before, bracket, after = route.partition("<")
    if not bracket:
        return route
    kind, _, rest = after.partition(">")
    element = first(base, f"{kind}s")
    query = {"namespace": element["namespace"]} if kind in ("pod", "deployment") else {}
    return f"{before}{urllib.parse.quote(element['name'], safe='')}{rest}" + (
        f"?{urllib.parse.urlencode(query)}" if query else ""
    )


def call(base: str, route: str) -> str:
    """Call a route; what was called. Raises Unanswered."""
    path = path_of(base, route)
    get(base + path)
    return path


def check(base: str, give_up: float, clock: Callable[[], float] = time.monotonic) -> list[str]:
    """Call every route, again until ``give_up``; the routes that never answered."""
    failed = []
    for route in ROUTES:
        while True:
            try:
                print(f"200 {call(base, route)}", flush=True)
                break
            except Unanswered as error:
                if clock() + ASK_AGAIN_AFTER_SECONDS > give_up:
                    print(f"FAILED {route}: {error}", flush=True)
                    failed.append(route)
                    break
                print(f"... {route}: {error}", flush=True)
                time.sleep(ASK_AGAIN_AFTER_SECONDS)
    return failed


if __name__ == "__main__":
    wait_seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 180.0
    unanswered = check(sys.argv[1].rstrip("/"), time.monotonic() + wait_seconds)
    print(f"{len(ROUTES) - len(unanswered)} of {len(ROUTES)} routes answered 200", flush=True)
    sys.exit(1 if unanswered else 0)
