"""The exporter's configuration: read once from the environment, every mistake reported at once.

``SETTINGS`` declares every variable; ``python -m exporter --help`` prints it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

from exporter.collectors.pods import ContainerSeries
from exporter.errors import ConfigError
from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.sample import NODES as SAMPLE_NODES
from exporter.shard import WHOLE, Shard

T = TypeVar("T")

ExporterScope = Literal["node", "cluster"]
ExporterSource = Literal["kubelet", "sample"]

_SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_KUBELET_PORT: Final = 10250
_MOST_SHARDS: Final = 100
# What Kubernetes adds to a container's environment for every service of its namespace: for one named "exporter",
# EXPORTER_PORT=tcp://10.0.0.7:9477 (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_SERVICE_LINK: Final = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
_SERVICE_LINK_URL: Final = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable; ``default`` is what stands in --help, empty where there is none."""

    name: str
    default: str
    meaning: str


SETTINGS: Final = (
    Setting("EXPORTER_SOURCE", "kubelet", "kubelet, or sample: the sample fleet, without Kubernetes"),
    Setting("EXPORTER_SCOPE", "node", "node (one exporter a node) or cluster (one a cluster, or one a shard)"),
    Setting("EXPORTER_SHARDS", "1", "how many exporters of scope cluster share the cluster's objects"),
    Setting("EXPORTER_SHARD", "0", "which of them this one is, counted from 0; each is a target with its own instance"),
    Setting("EXPORTER_ADDRESS", "", "address to serve on; all addresses where it is empty"),
    Setting("EXPORTER_PORT", "9477", "port of /metrics, /healthz and /readyz; 0 takes a free one"),
    Setting("NODE_NAME", "", "name of the node; required in scope node"),
    Setting("NODE_IP", "", "address of the node; required in scope node unless KUBELET_URL is set"),
    Setting("KUBELET_URL", f"https://$NODE_IP:{_KUBELET_PORT}", "the kubelet"),
    Setting("KUBELET_CA_FILE", f"{_SERVICE_ACCOUNT}/ca.crt", "certificates that the kubelet's is verified with"),
    Setting("KUBELET_TOKEN_FILE", f"{_SERVICE_ACCOUNT}/token", "bearer token, read again when it rotates"),
    Setting("KUBELET_SERVER_NAME", "", "name to expect in the kubelet's certificate, where it is not the address"),
    Setting("KUBELET_INSECURE_TLS", "false", "true trusts any kubelet certificate; it is logged and published"),
    Setting("KUBECONFIG", "", "kubeconfig of the API server; in-cluster credentials where it is empty"),
    Setting("SCRAPE_INTERVAL", "15", "seconds between scrapes, as Prometheus has it"),
    Setting("DETAIL_INTERVAL", "60", "seconds between readings of network, disk and throttling"),
    Setting("STORAGE_INTERVAL", "300", "seconds between readings of filesystems and volumes"),
    Setting("EXPORTER_CONTAINERS", "several", "container series for pods with several containers, for all, or none"),
    Setting("EXPORTER_NODE_INTERFACES", DEFAULT_NODE_INTERFACES, "the node's own interfaces: a regular expression"),
    Setting("EXPORTER_SHUTDOWN_GRACE", "2 × SCRAPE_INTERVAL", "seconds of answering on after SIGTERM"),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Intervals and the grace are in seconds; ``node_name`` is empty in scope cluster, ``shard`` the whole in scope
    node.
    """

    source: ExporterSource
    scope: ExporterScope
    shard: Shard
    address: str
    port: int
    node_name: str
    kubelet_url: str
    kubelet_ca_file: Path
    kubelet_token_file: Path
    kubelet_server_name: str | None
    kubelet_insecure_tls: bool
    kubeconfig: str | None
    scrape_interval: float
    detail_interval: float
    storage_interval: float
    containers: ContainerSeries
    node_interfaces: re.Pattern[str]
    shutdown_grace: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Config:
        """The configuration that the variables ask for. Raises ConfigError with every mistake that they hold."""
        read = _Reader(environment)
        source = cast(ExporterSource, read.choice("EXPORTER_SOURCE", ("kubelet", "sample")))
        scope = cast(ExporterScope, read.choice("EXPORTER_SCOPE", ("node", "cluster")))
        scrape_interval = read.seconds("SCRAPE_INTERVAL", minimum=0.1)
        config = cls(
            source=source,
            scope=scope,
            shard=_shard(read, scope),
            address=read.text("EXPORTER_ADDRESS"),
            port=read.parsed("EXPORTER_PORT", lambda value: _whole_number(value, 0, 65535), "a port, 0 to 65535", 0),
            node_name=_node_name(read, source, scope),
            kubelet_url=_kubelet_url(read, source, scope),
            kubelet_ca_file=Path(read.text("KUBELET_CA_FILE")),
            kubelet_token_file=Path(read.text("KUBELET_TOKEN_FILE")),
            kubelet_server_name=read.text("KUBELET_SERVER_NAME") or None,
            kubelet_insecure_tls=read.choice("KUBELET_INSECURE_TLS", ("false", "true")) == "true",
            kubeconfig=read.text("KUBECONFIG") or None,
            scrape_interval=scrape_interval,
            detail_interval=read.seconds("DETAIL_INTERVAL", minimum=0.1),
            storage_interval=read.seconds("STORAGE_INTERVAL", minimum=0.1),
            containers=cast(ContainerSeries, read.choice("EXPORTER_CONTAINERS", ("several", "all", "none"))),
            node_interfaces=read.parsed(
                "EXPORTER_NODE_INTERFACES", re.compile, "a regular expression", re.compile(DEFAULT_NODE_INTERFACES)
            ),
            shutdown_grace=read.seconds("EXPORTER_SHUTDOWN_GRACE", minimum=0, default=2 * scrape_interval),
        )
        if read.mistakes:
            raise ConfigError(read.mistakes)
        return config


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each EXPORTER_ or KUBELET_ variable that nothing reads: most likely a slip of the pen."""
    known = [setting.name for setting in SETTINGS]
    sentences = []
    for name in sorted(environment):
        if not name.startswith(("EXPORTER_", "KUBELET_")) or name in known:
            continue
        if not _SERVICE_LINK.fullmatch(name):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            sentences.append(f"{name} is no setting of the exporter" + (f"; is it {near[0]}?" if near else ""))
    return sentences


def help_text() -> str:
    """Every variable with its default and meaning."""
    lines = ["usage: python -m exporter", "", "Configuration is by environment variables only:", ""]
    for setting in SETTINGS:
        lines += [f"  {setting.name}", f"      {setting.meaning}", f"      default: {setting.default or '-'}"]
    return "\n".join(lines)


class _Reader:
    """Reads variables and keeps every mistake; what it answers for a mistaken one is never used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._defaults = {setting.name: setting.default for setting in SETTINGS}
        self.mistakes: list[str] = []

    def given(self, name: str) -> str:
        """The variable's own text without its default; set but empty is the same as not set."""
        return self._environment.get(name, "").strip()

    def text(self, name: str) -> str:
        return self.given(name) or self._defaults[name]

    def parsed(self, name: str, parse: Callable[[str], T], wanted: str, otherwise: T) -> T:
        value = self.text(name)
        try:
            return parse(value)
        except (ValueError, re.error):
            linked = "; Kubernetes sets it for a service of this name, unless the pod has enableServiceLinks: false"
            hint = linked if _SERVICE_LINK_URL.match(value) else ""
            self.wrong(name, f"must be {wanted}, not {value!r}{hint}")
            return otherwise

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in allowed:
            self.wrong(name, f"must be {' or '.join(allowed)}, not {value!r}")
        return value

    def seconds(self, name: str, *, minimum: float, default: float | None = None) -> float:
        if default is not None and not self.given(name):
            return default

        def parse(value: str) -> float:
            seconds = float(value)
            if not minimum <= seconds <= 86400:
                raise ValueError
            return seconds

        return self.parsed(name, parse, f"a number of seconds from {minimum:g} to 86400", 1.0)

    def wrong(self, name: str, sentence: str) -> None:
        self.mistakes.append(f"{name} {sentence}")


def _shard(read: _Reader, scope: str) -> Shard:
    wanted = f"a whole number from 1 to {_MOST_SHARDS}"
    count = read.parsed("EXPORTER_SHARDS", lambda value: _whole_number(value, 1, _MOST_SHARDS), wanted, 0)
    last = (count or _MOST_SHARDS) - 1
    wanted = f"a whole number from 0 to {last}" + (", less than EXPORTER_SHARDS" if count else "")
    number = read.parsed("EXPORTER_SHARD", lambda value: _whole_number(value, 0, last), wanted, 0)
    if scope != "node":
        return Shard(number, count)
    if count > 1:
        read.wrong("EXPORTER_SHARDS", "must not be set in scope node: only scope cluster has shards")
    return WHOLE


def _whole_number(value: str, least: int, most: int) -> int:
    number = int(value)
    if not least <= number <= most:
        raise ValueError
    return number


def _node_name(read: _Reader, source: str, scope: str) -> str:
    name = read.given("NODE_NAME")
    if scope == "node" and not name:
        read.wrong("NODE_NAME", "must be the node's name in scope node (downward API: spec.nodeName)")
    elif scope == "node" and source == "sample" and name not in SAMPLE_NODES:
        read.wrong("NODE_NAME", f"must be {' or '.join(SAMPLE_NODES)} for the sample fleet, not {name!r}")
    return name if scope == "node" else ""


def _kubelet_url(read: _Reader, source: str, scope: str) -> str:
    """The kubelet's address without a trailing slash; empty where no kubelet is read."""
    if source != "kubelet" or scope != "node":
        return ""
    url, node_ip = read.given("KUBELET_URL").rstrip("/"), read.given("NODE_IP")
    if url:
        if not _is_base_url(url):
            read.wrong("KUBELET_URL", f"must be a URL such as https://192.0.2.1:{_KUBELET_PORT}, not {url!r}")
        return url
    if not node_ip:
        read.wrong("NODE_IP", "must be the node's address in scope node (downward API: status.hostIP)")
        return ""
    try:
        address = ip_address(node_ip)
    except ValueError:
        read.wrong("NODE_IP", f"must be an IPv4 or IPv6 address, not {node_ip!r}")
        return ""
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"https://{host}:{_KUBELET_PORT}"


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        return False
