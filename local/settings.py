"""How ``make run`` is set: options of the command line first, then environment variables, then defaults."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Port:
    """Where one service listens, and the two ways to move it."""

    service: str
    default: int
    option: str
    variable: str


PORTS = (
    Port("node-1", 9477, "--node-1-port", "NODE_1_PORT"),
    Port("node-2", 9478, "--node-2-port", "NODE_2_PORT"),
    Port("cluster", 9479, "--cluster-port", "CLUSTER_PORT"),
    Port("prometheus", 9090, "--prometheus-port", "PROMETHEUS_PORT"),
    Port("facade", 5000, "--facade-port", "PORT"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run needs to know. ``ports`` is by service; intervals and ``history_seconds`` are in seconds."""

    host: str
    ports: Mapping[str, int]
    data_directory: Path
    scrape_interval: float
    detail_interval: float
    storage_interval: float
    history_seconds: float

    def address(self, service: str) -> str:
        """``host:port`` of a service."""
        return f"{self.host}:{self.ports[service]}"

    def url(self, service: str) -> str:
        """The URL at which a service is reached from this machine."""
        # A wildcard address is one to listen on, not one to connect to.
        host = "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host
        return f"http://{host}:{self.ports[service]}"


@dataclass(frozen=True, slots=True)
class _Number:
    option: str
    variable: str
    default: float
    smallest: float
    help: str


_LONGEST_SECONDS = 31 * 86400
_NUMBERS = (
    _Number("--scrape-interval", "SCRAPE_INTERVAL", 15, 0.5, "seconds between two scrapes"),
    _Number("--detail-interval", "DETAIL_INTERVAL", 60, 0.5, "seconds between readings of network, disk, throttling"),
    _Number("--storage-interval", "STORAGE_INTERVAL", 300, 0.5, "seconds between readings of file systems"),
    _Number("--history", "SAMPLE_HISTORY", 86400, 0, "seconds of past written before the first start; 0 for none"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m local run``; the values stay text until ``settings`` reads them."""
    for port in PORTS:
        text = f"port of {_described(port.service)} [{port.variable}, default {port.default}]"
        parser.add_argument(port.option, dest=port.variable, metavar="PORT", help=text)
    for number in _NUMBERS:
        text = f"{number.help} [{number.variable}, default {number.default:g}]"
        parser.add_argument(number.option, dest=number.variable, metavar="SECONDS", help=text)
    parser.add_argument("--host", dest="LOCAL_HOST", help="address to listen on [LOCAL_HOST, default 127.0.0.1]")
    parser.add_argument("--data-dir", dest="DATA_DIR", help="where everything is kept [DATA_DIR, default .data]")


def settings(options: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Read options and environment. Raises SettingsError with one line for every value that cannot be used."""
    errors: list[str] = []

    def given(variable: str, default: str) -> str:
        option = options.get(variable)
        return str(option) if option is not None else environ.get(variable) or default

    ports = {port.service: _port(port, given(port.variable, str(port.default)), errors) for port in PORTS}
    numbers = {
        number.variable: _number(number, given(number.variable, f"{number.default}"), errors) for number in _NUMBERS
    }
    errors += _shared(ports)
    if errors:
        raise SettingsError("\n".join(errors))
    return Settings(
        host=given("LOCAL_HOST", "127.0.0.1"),
        ports=ports,
        data_directory=Path(given("DATA_DIR", ".data")).resolve(),
        scrape_interval=numbers["SCRAPE_INTERVAL"],
        detail_interval=numbers["DETAIL_INTERVAL"],
        storage_interval=numbers["STORAGE_INTERVAL"],
        history_seconds=numbers["SAMPLE_HISTORY"],
    )


def _described(service: str) -> str:
    return service if service in ("prometheus", "facade") else f"the sample exporter {service}"


def _port(port: Port, text: str, errors: list[str]) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    errors.append(f"{port.variable} ({port.option}) must be a port from 1 to 65535, not {text!r}")
    return 0


def _number(number: _Number, text: str, errors: list[str]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if number.smallest <= value <= _LONGEST_SECONDS:
        return value
    allowed = f"from {number.smallest:g} to {_LONGEST_SECONDS} seconds"
    errors.append(f"{number.variable} ({number.option}) must be {allowed}, not {text!r}")
    return number.default


def _shared(ports: Mapping[str, int]) -> Sequence[str]:
    by_port: dict[int, list[str]] = {}
    for service, port in ports.items():
        by_port.setdefault(port, []).append(service)
    return [
        f"port {port} is given to {' and '.join(names)}" for port, names in by_port.items() if port and len(names) > 1
    ]
