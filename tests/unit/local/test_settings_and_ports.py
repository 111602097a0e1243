"""Ports and intervals: where they come from, and what is said when they cannot be used."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.errors import PortInUse, SettingsError
from local.ports import check_ports
from local.settings import PORTS, add_options, settings
from tests.harness import free_ports


def on_free_ports(directory: Path) -> dict[str, object]:
    ports = free_ports(len(PORTS))
    return {"DATA_DIR": directory} | {port.variable: number for port, number in zip(PORTS, ports, strict=True)}


def test_defaults() -> None:
    read = settings({}, {})
    assert dict(read.ports) == {"node-1": 9477, "node-2": 9478, "cluster": 9479, "prometheus": 9090, "facade": 5000}
    assert (read.scrape_interval, read.detail_interval, read.storage_interval) == (15, 60, 300)
    assert read.history_seconds == 86400
    assert read.data_directory == Path(".data").resolve()
    assert read.url("facade") == "http://127.0.0.1:5000"


def test_options_come_before_variables() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    options = vars(parser.parse_args(["--facade-port", "5001", "--scrape-interval", "2.5"]))
    read = settings(options, {"PORT": "5002", "PROMETHEUS_PORT": "9091", "SCRAPE_INTERVAL": "5"})
    assert read.ports["facade"] == 5001
    assert read.ports["prometheus"] == 9091
    assert read.scrape_interval == 2.5


def test_an_address_to_listen_on_is_not_one_to_connect_to() -> None:
    assert settings({"LOCAL_HOST": "0.0.0.0"}, {}).url("facade") == "http://127.0.0.1:5000"


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        settings({}, {"PORT": "http", "NODE_1_PORT": "70000", "SCRAPE_INTERVAL": "0", "SAMPLE_HISTORY": "nan"})
    assert str(raised.value).splitlines() == [
        "NODE_1_PORT (--node-1-port) must be a port from 1 to 65535, not '70000'",
        "PORT (--facade-port) must be a port from 1 to 65535, not 'http'",
        "SCRAPE_INTERVAL (--scrape-interval) must be from 0.5 to 2678400 seconds, not '0'",
        "SAMPLE_HISTORY (--history) must be from 0 to 2678400 seconds, not 'nan'",
    ]


def test_one_port_for_two_services() -> None:
    with pytest.raises(SettingsError, match="port 9090 is given to prometheus and facade"):
        settings({}, {"PORT": "9090"})


def test_free_ports_are_fine(tmp_path: Path) -> None:
    check_ports(settings(on_free_ports(tmp_path), {}))


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((request.param, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named_with_its_service_and_the_way_out(taken: int, tmp_path: Path) -> None:
    options = on_free_ports(tmp_path) | {"PORT": taken}
    with pytest.raises(PortInUse) as raised:
        check_ports(settings(options, {}))
    assert str(raised.value) == (
        f"port {taken}, meant for facade, is in use: "
        "choose another with PORT=NUMBER (or --facade-port NUMBER), or stop what uses it"
    )


def test_a_port_that_is_bound_and_does_not_answer_is_in_use(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        options = on_free_ports(tmp_path) | {"PROMETHEUS_PORT": bound.getsockname()[1]}
        with pytest.raises(PortInUse, match="meant for prometheus, is in use"):
            check_ports(settings(options, {}))


def test_a_host_that_does_not_exist_is_said_for_every_port(tmp_path: Path) -> None:
    # .invalid is nobody's (RFC 2606).
    read = on_free_ports(tmp_path) | {"LOCAL_HOST": "not-an-address.invalid"}
    with pytest.raises(PortInUse) as raised:
        check_ports(settings(read, {}))
    assert len(str(raised.value).splitlines()) == len(PORTS)
    assert "cannot be used" in str(raised.value)
