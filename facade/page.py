"""The front page: what this is, whether it works, and every route with an example that can be clicked.

One document without anything from elsewhere; the Content-Security-Policy admits its own style and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from flask import Flask, Response, render_template_string
from werkzeug.routing import Rule

from facade import __version__
from facade.context import Facade, endpoint_of
from facade.errors import UpstreamError
from facade.params import NAMESPACE
from promql.probe import any_pod_of_a_deployment

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2733; --dim: #5b6b7b; --paper: #f6f8fa; --card: #ffffff; --line: #dde4ea;
  --link: #0b62b8; --good: #137a43; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --dim: #93a3b3; --paper: #10161c; --card: #18212a;
  --line: #2a3641; --link: #6db4ff; --good: #5fd394; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 0.75rem; }
p { margin: 0.5rem 0; } .dim { color: var(--dim); }
a { color: var(--link); text-decoration: none; } a:hover, a:focus-visible { text-decoration: underline; }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.1rem; }
.state { display: flex; gap: 0.75rem; align-items: baseline; margin-top: 1.25rem; flex-wrap: wrap; }
.dot { width: 0.7rem; height: 0.7rem; border-radius: 50%; background: var(--good); display: inline-block; }
.bad .dot { background: var(--bad); }
ul { list-style: none; margin: 0; padding: 0; } li { padding: 0.6rem 0; border-top: 1px solid var(--line); }
li:first-child { border-top: 0; padding-top: 0; } li:last-child { padding-bottom: 0; }
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
<span><span class="dot"></span> <strong>{{ 'Degraded' if failure else 'Working' }}</strong></span>
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
<li><code>{{ route.rule }}</code>
{% if route.help %}<br><span class="dim">{{ route.help }}</span>{% endif %}
{% if route.example %}<br><a href="{{ route.example }}"><code>{{ route.example }}</code></a>{% endif %}</li>
{% endfor %}
</ul>
{% endfor %}
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
    example: str | None


def plain_links(app: Flask) -> dict[str, str]:
    """The routes that need no name, by the last part of their path."""
    return {rule.rule.rpartition("/")[2]: rule.rule for rule in _rules(app) if not rule.arguments and rule.rule != "/"}


def front_page(facade: Facade, app: Flask, failure: UpstreamError | None) -> Response:
    """The page, with names for its examples from Prometheus where it answers."""
    examples = {} if failure else _example_names(facade)
    lines = [_line(app, rule, examples) for rule in _rules(app) if rule.rule != "/"]
    groups = (
        ("The cluster", [line for line in lines if line.rule.startswith("/api/")]),
        ("This service", [line for line in lines if not line.rule.startswith("/api/")]),
    )
    text = render_template_string(
        _PAGE,
        style=_STYLE,
        version=__version__,
        failure=failure and str(failure),
        prometheus=facade.settings.prometheus_url,
        examples=examples,
        groups=[group for group in groups if group[1]],
    )
    response = Response(text, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _rules(app: Flask) -> list[Rule]:
    """The routes, by path."""
    answering = (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
    return sorted(answering, key=lambda rule: rule.rule)


def _example_names(facade: Facade) -> Mapping[str, str]:
    """Names by path segment, all of one pod, so that every example has an answer; empty when there is none to show."""
    try:
        client = facade.client
        pods = client.instant(any_pod_of_a_deployment(), client.now())
    except UpstreamError:
        return {}
    if not pods:
        return {}
    labels = pods[0].labels
    names = {"node": "node", "pod": "pod", "namespace": "namespace", "deployment": "workload"}
    return {segment: labels[label] for segment, label in names.items() if labels.get(label)}


def _line(app: Flask, rule: Rule, examples: Mapping[str, str]) -> RouteLine:
    endpoint = endpoint_of(app.view_functions[rule.endpoint])
    return RouteLine(rule.rule, endpoint.help, _example(rule, examples, in_namespace=NAMESPACE in endpoint.parameters))


def _example(rule: Rule, names: Mapping[str, str], *, in_namespace: bool) -> str | None:
    """The rule with its segments filled in; pods and Deployments with their namespace, so that the name is unique."""
    if not rule.arguments <= names.keys():
        return None
    path = rule.rule
    for segment in rule.arguments:
        path = path.replace(f"<{segment}>", quote(names[segment], safe=""))
    named = rule.arguments & {"pod", "deployment"} and "namespace" not in rule.arguments
    return f"{path}?namespace={quote(names['namespace'], safe='')}" if named and in_namespace else path
