"""The facade's configuration: read from the environment once, checked as a whole, then passed along.

``VARIABLES`` is the one list of what can be set; ``python -m facade --help`` prints it. An empty variable counts as
one that is not set, as Helm and Compose write them.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from facade.errors import ConfigurationError
from promql.dialects import DIALECTS


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: its name, its default as it would be written, and what it means."""

    name: str
    default: str
    meaning: str


VARIABLES: Final = (
    Variable("HOST", "", "address to listen on; empty is all of them, IPv4 and IPv6"),
    Variable("PORT", "5000", "port to listen on"),
    Variable("PROMETHEUS_URL", "http://localhost:9090", "Prometheus-compatible API; may have a path prefix"),
    Variable("PROMETHEUS_TIMEOUT", "10", "seconds that one query may take, its whole answer included"),
    Variable("PROMETHEUS_HEADERS", "", 'JSON of extra headers for it, such as {"X-Scope-OrgID": "team-a"}'),
    Variable("PROMETHEUS_PARAMETERS", "", 'JSON of extra parameters of every query, such as {"dedup": "true"}'),
    Variable("METRICS_DIALECT", "cloudmon", f"whose series answer: {' or '.join(DIALECTS)} (docs/dialects.md)"),
    Variable("SCRAPE_INTERVAL", "15", "seconds between scrapes, as Prometheus has it"),
    Variable("DETAIL_INTERVAL", "60", "seconds between readings of network, disk and throttling"),
    Variable("STORAGE_INTERVAL", "300", "seconds between readings of filesystems and volumes"),
    Variable("MAX_DATA_POINTS", "1000", "most points in one series of an answer"),
    Variable("DEFAULT_TIME_WINDOW", "3600", "seconds of a time series that names no window"),
    Variable("MAX_TIME_WINDOW", "31622400", "seconds of the longest window that may be asked for"),
    Variable("DEBUG", "true", "readable logs; false gives JSON lines"),
    Variable("FACADE_WORKERS", "2", "server processes"),
    Variable("FACADE_THREADS", "16", "requests that one process answers at a time; more get 429"),
)
# Not for users: where the server's processes share their metrics. prometheus-client reads it when it is first imported,
# so __main__ sets it before the processes start.
METRICS_DIRECTORY_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_DEFAULTS: Final = {variable.name: variable.default for variable in VARIABLES}
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
# RFC 9110: a field name is a token; a value has no control characters and no blanks at its ends.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?")
# The client writes these itself.
_RESERVED_PARAMETERS: Final = frozenset({"query", "time", "start", "end", "step", "timeout", "lookback_delta"})
_RESERVED_HEADERS: Final = frozenset({"content-length", "content-type", "transfer-encoding", "connection"})


@dataclass(frozen=True)
class Settings:
    """What the facade was told. Intervals, windows and timeouts are in seconds and may have fractions.

    ``prometheus_url`` has no credentials and no slash at its end: a user and password in the variable are kept as an
    ``Authorization`` header. ``prometheus_headers`` and ``prometheus_parameters``, each parameter with
    its values, are left out of the repr, since they may hold secrets.
    """

    host: str
    port: int
    prometheus_url: str
    prometheus_timeout_seconds: float
    prometheus_headers: Mapping[str, str] = field(repr=False)
    prometheus_parameters: Mapping[str, tuple[str, ...]] = field(repr=False)
    metrics_dialect: str
    scrape_interval_seconds: float
    detail_interval_seconds: float
    storage_interval_seconds: float
    max_data_points: int
    default_time_window_seconds: float
    max_time_window_seconds: float
    debug: bool
    workers: int
    threads: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check ``environ``. Raises ConfigurationError with every mistake there is."""
        read = _Reader(environ)
        url, url_credentials = read.url("PROMETHEUS_URL")
        settings = cls(
            host=read.text("HOST"),
            port=read.integer("PORT", 1, 65535),
            prometheus_url=url,
            prometheus_timeout_seconds=read.seconds("PROMETHEUS_TIMEOUT", 0.001, 3600),
            prometheus_headers=read.headers("PROMETHEUS_HEADERS", url_credentials),
            prometheus_parameters=read.parameters("PROMETHEUS_PARAMETERS"),
            metrics_dialect=read.one_of("METRICS_DIALECT", DIALECTS),
            scrape_interval_seconds=read.seconds("SCRAPE_INTERVAL", 0.05, 3600),
            detail_interval_seconds=read.seconds("DETAIL_INTERVAL", 0.05, 86400),
            storage_interval_seconds=read.seconds("STORAGE_INTERVAL", 0.05, 86400),
            max_data_points=read.integer("MAX_DATA_POINTS", 2, 11000),
            default_time_window_seconds=read.seconds("DEFAULT_TIME_WINDOW", 1, 10 * 31622400),
            max_time_window_seconds=read.seconds("MAX_TIME_WINDOW", 1, 10 * 31622400),
            debug=read.boolean("DEBUG"),
            workers=read.integer("FACADE_WORKERS", 1, 64),
            threads=read.integer("FACADE_THREADS", 1, 256),
        )
        if not read.problems and settings.default_time_window_seconds > settings.max_time_window_seconds:
            read.problems.append("DEFAULT_TIME_WINDOW: must not be longer than MAX_TIME_WINDOW")
        if read.problems:
            raise ConfigurationError(read.problems)
        return settings


class _Reader:
    """Reads variables one by one and collects their mistakes; a mistaken variable yields a stand-in.

    The values of PROMETHEUS_URL, PROMETHEUS_HEADERS and PROMETHEUS_PARAMETERS are never repeated in a message: they may
    hold credentials.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip() or _DEFAULTS[name]

    def integer(self, name: str, low: int, high: int) -> int:
        text = self.text(name)
        if re.fullmatch(r"[0-9]{1,18}", text) and low <= int(text) <= high:
            return int(text)
        self.problems.append(f"{name}: {text[:40]!r} is not a whole number from {low} to {high}")
        return low

    def seconds(self, name: str, low: float, high: float) -> float:
        text = self.text(name)
        value = float(text) if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", text) else math.nan
        if low <= value <= high:
            return int(value) if value.is_integer() else value
        self.problems.append(f"{name}: {text[:40]!r} is not a number of seconds from {low:g} to {high:.0f}")
        return low

    def boolean(self, name: str) -> bool:
        text = self.text(name)
        if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        self.problems.append(f"{name}: {text[:40]!r} is neither true nor false")
        return False

    def one_of(self, name: str, known: Sequence[str]) -> str:
        text = self.text(name)
        if text in known:
            return text
        self.problems.append(f"{name}: {text[:40]!r} is none of {', '.join(known)}")
        return known[0]

    def url(self, name: str) -> tuple[str, str | None]:
        """The URL without credentials, and those as the value of an Authorization header (RFC 7617)."""
        text = self.text(name)
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable, parts = False, SplitResult("", "", "", "", "")
        if not usable or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\\]", text):
            self.problems.append(
                f"{name}: must be http:// or https:// with a host, and may have a port and a path, "
                f"such as {_DEFAULTS[name]} or https://metrics.example/prometheus"
            )
            return _DEFAULTS[name], None
        credentials = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
        address = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, address, parts.path.rstrip("/"), "", "")), credentials

    def headers(self, name: str, url_credentials: str | None) -> Mapping[str, str]:
        """The extra headers; credentials of the URL join them unless they have an Authorization of their own."""
        headers: dict[str, str] = {}
        for key, value in self._json_object(name, '{"X-Scope-OrgID": "team-a"}').items():
            if not _HEADER_NAME.fullmatch(key) or key.lower() in _RESERVED_HEADERS:
                self.problems.append(f"{name}: {key[:40]!r} is not the name of a header that may be set here")
            elif not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
                self.problems.append(f"{name}: the value of {key} is not a string that a header can hold")
            else:
                headers[key] = value
        if url_credentials is not None and "authorization" not in {key.lower() for key in headers}:
            headers["Authorization"] = url_credentials
        return MappingProxyType(headers)

    def parameters(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """The extra parameters, each with its values: one, or those of a list."""
        parameters: dict[str, tuple[str, ...]] = {}
        for key, value in self._json_object(name, '{"dedup": "true", "replicaLabels[]": ["replica"]}').items():
            values = value if isinstance(value, list) else [value]
            if not key or key in _RESERVED_PARAMETERS:
                self.problems.append(f"{name}: {key[:40]!r} is not the name of a parameter that may be set here")
            elif not values or not all(isinstance(each, str) and each for each in values):
                self.problems.append(f"{name}: the value of {key[:40]} is neither a string nor a list of strings")
            else:
                parameters[key] = tuple(map(str, values))
        return MappingProxyType(parameters)

    def _json_object(self, name: str, example: str) -> dict[str, object]:
        text = self.text(name)
        try:
            document = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return document
        self.problems.append(f"{name}: must be a JSON object of strings, such as {example}")
        return {}
