"""The front page: what this is, whether it works, and every route with an example that can be clicked.

One document without anything from elsewhere; the Content-Security-Policy admits its own style and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Flask, Response, render_template_string
from werkzeug.routing import Rule

from facade import __version__
from facade.context import Facade, endpoint_of
from facade.errors import UpstreamError
from facade.params.parsing import Parameter
from facade.params.series import KIND
from facade.params.shared import CLUSTER, NAMESPACE
from promql.probe import CLUSTERS, any_pod_of_a_deployment
from promql.queries import SIGNAL

# Headings by the part of the path that follows /api, in the order of the page.
_SUBJECTS: Final = {
    "nodes": "Nodes",
    "pods": "Pods",
    "namespaces": "Namespaces",
    "deployments": "Deployments",
    "timeseries": "Every entity of a kind",
}
_SERVICE: Final = "This service"
# What a route must be told, and is told in its example.
_REQUIRED: Final = ((KIND, "pod"),)
_DOCUMENT: Final = "/openapi.json"
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2733; --dim: #566675; --paper: #f6f8fa; --card: #ffffff; --line: #dde4ea;
  --link: #0b62b8; --good: #137a43; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --dim: #93a3b3; --paper: #10161c; --card: #18212a;
  --line: #2a3641; --link: #6db4ff; --good: #5fd394; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.05rem; margin: 2rem 0 0.6rem; }
p { margin: 0.4rem 0; } .dim { color: var(--dim); }
a { color: var(--link); text-decoration: none; } a:hover, a:focus-visible { text-decoration: underline; }
code { font: 0.875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
small, small code { font-size: 0.8125rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.state { display: flex; gap: 0.25rem 1rem; align-items: baseline; margin-top: 1.25rem; padding: 0.8rem 1.1rem;
  flex-wrap: wrap; }
.state a { margin-left: auto; }
.dot { width: 0.7rem; height: 0.7rem; border-radius: 50%; background: var(--good); display: inline-block;
  margin-right: 0.35rem; }
.bad .dot { background: var(--bad); }
ul { list-style: none; margin: 0; padding: 0; }
ul + p { margin-top: 1.5rem; }
li { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0.1rem 1.5rem; padding: 0.65rem 1.1rem;
  border-top: 1px solid var(--line); }
li:first-child { border-top: 0; }
li small { display: block; color: var(--dim); }
@media (max-width: 44rem) { li { grid-template-columns: minmax(0, 1fr); } .state a { margin-left: 0; } }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cloud Monitoring</title>
<style>{{ style | safe }}</style>
</head>
<body>
<main>
<h1>Cloud Monitoring</h1>
<p class="dim">What is using this Kubernetes cluster, now and over any window. Version {{ version }}.</p>
<div class="card state{{ ' bad' if failure else '' }}">
<span><span class="dot"></span><strong>{{ 'Degraded' if failure else 'Working' }}</strong></span>
<span>{{ failure or 'Prometheus answers.' }}</span>
{% if not failure %}<a href="{{ prometheus }}">Open Prometheus</a>{% endif %}
</div>
{% if not failure and not examples %}
<p class="dim">No pod of a Deployment is known to Prometheus yet, so some routes below have no example.</p>
{% endif %}
{% for title, routes in groups %}
<h2>{{ title }}</h2>
<ul class="card">
{% for route in routes %}
<li><span>{{ route.help }}
{% if route.parameters %}<small>takes <code>{{ route.parameters | join(', ') }}</code></small>{% endif %}</span>
<span>{% if route.example %}<a href="{{ route.example }}"><code>{{ route.example }}</code></a>{% endif %}
{% if route.example != route.rule %}<small><code>{{ route.rule }}</code></small>{% endif %}</span></li>
{% endfor %}
</ul>
{% endfor %}
<p class="dim">All routes below <code>/api</code> take <code>{{ common | join(', ') }}</code> too. With
<code>explain=true</code> an answer says what was asked of Prometheus, ready to paste into its page; with
<code>format=csv</code> it is a table. What each parameter may be is in
<a href="{{ document }}"><code>{{ document }}</code></a>.</p>
</main>
</body>
</html>
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A route as the page shows it; ``example`` is a path that can be followed, or None."""

    rule: str
    help: str
    parameters: tuple[str, ...]
    example: str | None

    @property
    def subject(self) -> str:
        """What it is about: the kind of entity, or this service."""
        _, first, *rest = self.rule.split("/")
        return _SUBJECTS.get(rest[0], rest[0].capitalize()) if first == "api" and rest else _SERVICE


def plain_links(app: Flask) -> dict[str, str]:
    """The routes that need no name, by the last part of their path."""
    lines = (_line(app, rule, {}) for rule in _rules(app) if not rule.arguments and rule.rule != "/")
    return {line.rule.rpartition("/")[2]: line.example or line.rule for line in lines}


def front_page(facade: Facade, app: Flask, failure: UpstreamError | None) -> Response:
    """The page, with names for its examples from Prometheus where it answers."""
    examples = {} if failure else _example_names(facade)
    lines = [_line(app, rule, examples) for rule in _rules(app) if rule.rule != "/"]
    common = _common(lines)
    groups: dict[str, list[RouteLine]] = {subject: [] for subject in _SUBJECTS.values()}
    for line in sorted(lines, key=_service_last):
        own = tuple(name for name in line.parameters if name not in common)
        groups.setdefault(line.subject, []).append(replace(line, parameters=own))
    text = render_template_string(
        _PAGE,
        style=_STYLE,
        version=__version__,
        failure=failure and str(failure),
        prometheus=facade.settings.prometheus_url,
        examples=examples,
        groups=[(subject, lines) for subject, lines in groups.items() if lines],
        common=common,
        document=_DOCUMENT,
    )
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _common(lines: Collection[RouteLine]) -> list[str]:
    """What every route below /api takes."""
    taken = [line.parameters for line in lines if line.subject != _SERVICE]
    return [name for name in taken[0] if all(name in parameters for parameters in taken)]


def _service_last(line: RouteLine) -> bool:
    return line.subject == _SERVICE


def _rules(app: Flask) -> list[Rule]:
    """The routes, by path."""
    answering = (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    return sorted(answering, key=lambda rule: rule.rule)


def _example_names(facade: Facade) -> Mapping[str, str]:
    """Names by path segment, all of one pod, so that every example has an answer; empty when there is none to show."""
    try:
        client = facade.client
        rows = client.instant(any_pod_of_a_deployment(), client.now())
    except UpstreamError:
        return {}
    labels = next((row.labels for row in rows if SIGNAL not in row.labels), None)
    if labels is None:
        return {}
    names = {"node": "node", "pod": "pod", "namespace": "namespace", "deployment": "workload"}
    found = {segment: labels[label] for segment, label in names.items() if labels.get(label)}
    several = any(row.labels.get(SIGNAL) == CLUSTERS and row.value > 1 for row in rows)
    return {**found, CLUSTER.name: labels.get("cluster", "")} if several else found


def _line(app: Flask, rule: Rule, examples: Mapping[str, str]) -> RouteLine:
    endpoint = endpoint_of(app.view_functions[rule.endpoint])
    taken = tuple(parameter.name for parameter in endpoint.parameters)
    return RouteLine(rule.rule, endpoint.help, taken, _example(rule, examples, endpoint.parameters))


def _example(rule: Rule, names: Mapping[str, str], parameters: Collection[Parameter[Any]]) -> str | None:
    """The rule with its segments filled in, with what it must be told, and with the namespace and cluster that make its
    name the only one.
    """
    if not rule.arguments <= names.keys():
        return None
    path = rule.rule
    for segment in rule.arguments:
        path = path.replace(f"<{segment}>", quote(names[segment], safe=""))
    query = {parameter.name: value for parameter, value in _REQUIRED if parameter in parameters}
    if rule.arguments:
        # A namespace that filters is another parameter than the one that says where the name is looked for.
        places = [place.name for place in (NAMESPACE, CLUSTER) if place in parameters]
        query |= {name: names[name] for name in places if name in names}
    return f"{path}?{urlencode(query)}" if query else path
