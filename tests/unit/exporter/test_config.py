from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config import SETTINGS, Config, help_text, unknown_variables
from exporter.errors import ConfigError
from exporter.kubelet.interfaces import DEFAULT_NODE_INTERFACES
from exporter.shard import Shard

NODE = {"NODE_NAME": "node-7", "NODE_IP": "192.0.2.7"}
CLUSTER = {"EXPORTER_SCOPE": "cluster"}


def test_defaults() -> None:
    config = Config.from_environment(NODE)
    assert (config.source, config.scope, config.address, config.port) == ("kubelet", "node", "", 9477)
    assert (config.node_name, config.kubelet_url) == ("node-7", "https://192.0.2.7:10250")
    assert config.kubelet_ca_file == Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    assert config.kubelet_token_file == Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    assert (config.kubelet_server_name, config.kubelet_insecure_tls, config.kubeconfig) == (None, False, None)
    assert (config.scrape_interval, config.detail_interval, config.storage_interval) == (15.0, 60.0, 300.0)
    assert (config.containers, config.node_interfaces.pattern) == ("several", DEFAULT_NODE_INTERFACES)
    assert config.shutdown_grace == 30.0


def test_everything_set() -> None:
    config = Config.from_environment(
        NODE
        | {
            "EXPORTER_ADDRESS": "127.0.0.1",
            "EXPORTER_PORT": "0",
            "KUBELET_URL": "https://kubelet.example:1234/",
            "KUBELET_CA_FILE": "/ca",
            "KUBELET_TOKEN_FILE": "/token",
            "KUBELET_SERVER_NAME": "node-7.example",
            "KUBELET_INSECURE_TLS": "true",
            "KUBECONFIG": "/kubeconfig",
            "SCRAPE_INTERVAL": "0.5",
            "DETAIL_INTERVAL": "2",
            "STORAGE_INTERVAL": "3.5",
            "EXPORTER_CONTAINERS": "all",
            "EXPORTER_NODE_INTERFACES": "ens.*",
        }
    )
    assert (config.address, config.port, config.kubelet_url) == ("127.0.0.1", 0, "https://kubelet.example:1234")
    assert (config.kubelet_ca_file, config.kubelet_token_file) == (Path("/ca"), Path("/token"))
    assert (config.kubelet_server_name, config.kubelet_insecure_tls) == ("node-7.example", True)
    assert config.kubeconfig == "/kubeconfig"
    assert (config.scrape_interval, config.detail_interval, config.storage_interval) == (0.5, 2.0, 3.5)
    assert (config.containers, config.node_interfaces.pattern, config.shutdown_grace) == ("all", "ens.*", 1.0)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"NODE_IP": "2001:db8::7"}, "https://[2001:db8::7]:10250"),
        ({"NODE_IP": " 192.0.2.7 "}, "https://192.0.2.7:10250"),
        ({"NODE_IP": "", "KUBELET_URL": "https://[::1]:10250"}, "https://[::1]:10250"),
        ({"NODE_IP": "", "KUBELET_URL": "http://localhost:10255"}, "http://localhost:10255"),
    ],
)
def test_the_kubelets_address(environment: dict[str, str], url: str) -> None:
    assert Config.from_environment(NODE | environment).kubelet_url == url


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"EXPORTER_SCOPE": "cluster"}, ""),
        ({"EXPORTER_SCOPE": "cluster", "NODE_NAME": "ignored"}, ""),
        ({"EXPORTER_SOURCE": "sample", "NODE_NAME": "node-2"}, "node-2"),
        ({"EXPORTER_SOURCE": "sample", "EXPORTER_SCOPE": "cluster"}, ""),
    ],
)
def test_what_other_scopes_and_sources_need(environment: dict[str, str], name: str) -> None:
    config = Config.from_environment(environment)
    assert (config.node_name, config.kubelet_url) == (name, "")


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"EXPORTER_SOURCE": "prometheus"}, "EXPORTER_SOURCE must be kubelet or sample, not 'prometheus'"),
        ({"EXPORTER_SCOPE": "Node"}, "EXPORTER_SCOPE must be node or cluster, not 'Node'"),
        ({"EXPORTER_PORT": "65536"}, "EXPORTER_PORT must be a port, 0 to 65535, not '65536'"),
        ({"EXPORTER_PORT": "-1"}, "EXPORTER_PORT must be a port, 0 to 65535, not '-1'"),
        ({"NODE_NAME": " "}, "NODE_NAME must be the node's name in scope node (downward API: spec.nodeName)"),
        ({"NODE_IP": ""}, "NODE_IP must be the node's address in scope node (downward API: status.hostIP)"),
        ({"NODE_IP": "node-7"}, "NODE_IP must be an IPv4 or IPv6 address, not 'node-7'"),
        (
            {"KUBELET_URL": "kubelet:10250"},
            "KUBELET_URL must be a URL such as https://192.0.2.1:10250, not 'kubelet:10250'",
        ),
        ({"KUBELET_URL": "https://"}, "KUBELET_URL must be a URL such as https://192.0.2.1:10250, not 'https:'"),
        (
            {"KUBELET_URL": "https://a:b"},
            "KUBELET_URL must be a URL such as https://192.0.2.1:10250, not 'https://a:b'",
        ),
        ({"KUBELET_INSECURE_TLS": "yes"}, "KUBELET_INSECURE_TLS must be false or true, not 'yes'"),
        ({"SCRAPE_INTERVAL": "15s"}, "SCRAPE_INTERVAL must be a number of seconds from 0.1 to 86400, not '15s'"),
        ({"SCRAPE_INTERVAL": "nan"}, "SCRAPE_INTERVAL must be a number of seconds from 0.1 to 86400, not 'nan'"),
        ({"DETAIL_INTERVAL": "0"}, "DETAIL_INTERVAL must be a number of seconds from 0.1 to 86400, not '0'"),
        ({"STORAGE_INTERVAL": "inf"}, "STORAGE_INTERVAL must be a number of seconds from 0.1 to 86400, not 'inf'"),
        ({"EXPORTER_CONTAINERS": "one"}, "EXPORTER_CONTAINERS must be several or all or none, not 'one'"),
        ({"EXPORTER_NODE_INTERFACES": "("}, "EXPORTER_NODE_INTERFACES must be a regular expression, not '('"),
        (
            {"EXPORTER_SHUTDOWN_GRACE": "-1"},
            "EXPORTER_SHUTDOWN_GRACE must be a number of seconds from 0 to 86400, not '-1'",
        ),
        (
            {"EXPORTER_SOURCE": "sample", "NODE_NAME": "node-3"},
            "NODE_NAME must be node-1 or node-2 for the sample fleet, not 'node-3'",
        ),
        (CLUSTER | {"EXPORTER_SHARDS": "0"}, "EXPORTER_SHARDS must be a whole number from 1 to 100, not '0'"),
        (CLUSTER | {"EXPORTER_SHARDS": "two"}, "EXPORTER_SHARDS must be a whole number from 1 to 100, not 'two'"),
        (
            CLUSTER | {"EXPORTER_SHARDS": "2", "EXPORTER_SHARD": "2"},
            "EXPORTER_SHARD must be a whole number from 0 to 1, less than EXPORTER_SHARDS, not '2'",
        ),
        (
            CLUSTER | {"EXPORTER_SHARD": "-1"},
            "EXPORTER_SHARD must be a whole number from 0 to 0, less than EXPORTER_SHARDS, not '-1'",
        ),
        ({"EXPORTER_SHARDS": "2"}, "EXPORTER_SHARDS must not be set in scope node: only scope cluster has shards"),
    ],
)
def test_a_mistake(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_environment(NODE | environment)
    assert raised.value.problems == (problem,)


def test_shards_of_scope_cluster() -> None:
    assert Config.from_environment(CLUSTER).shard == Shard(0, 1)
    assert Config.from_environment(CLUSTER | {"EXPORTER_SHARDS": "3", "EXPORTER_SHARD": "2"}).shard == Shard(2, 3)
    assert Config.from_environment(NODE | {"EXPORTER_SHARDS": "1"}).shard == Shard(0, 1)


def test_both_mistakes_of_a_shard_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_environment(CLUSTER | {"EXPORTER_SHARDS": "many", "EXPORTER_SHARD": "first"})
    assert [problem.split()[0] for problem in raised.value.problems] == ["EXPORTER_SHARDS", "EXPORTER_SHARD"]


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_environment({"EXPORTER_PORT": "http", "DETAIL_INTERVAL": "often", "EXPORTER_CONTAINERS": "?"})
    assert [problem.split()[0] for problem in raised.value.problems] == [
        "EXPORTER_PORT",
        "NODE_NAME",
        "NODE_IP",
        "DETAIL_INTERVAL",
        "EXPORTER_CONTAINERS",
    ]


def test_no_grace_can_be_asked_for() -> None:
    assert Config.from_environment(NODE | {"EXPORTER_SHUTDOWN_GRACE": "0"}).shutdown_grace == 0


def test_probable_slips() -> None:
    assert unknown_variables(
        {"EXPORTER_PROT": "1", "KUBELET_CAFILE": "x", "EXPORTER_QQQ": "", "EXPORTER_PORT": "1", "PATH": "/"}
    ) == [
        "EXPORTER_PROT is no setting of the exporter; is it EXPORTER_PORT?",
        "EXPORTER_QQQ is no setting of the exporter",
        "KUBELET_CAFILE is no setting of the exporter; is it KUBELET_CA_FILE?",
    ]


def test_a_port_that_is_a_service_link_is_explained() -> None:
    with pytest.raises(ConfigError) as raised:
        Config.from_environment(NODE | {"EXPORTER_PORT": "tcp://10.0.0.7:9477"})
    (problem,) = raised.value.problems
    assert problem.startswith("EXPORTER_PORT must be a port, 0 to 65535, not 'tcp://10.0.0.7:9477'; Kubernetes sets it")
    assert "enableServiceLinks: false" in problem


def test_what_kubernetes_adds_for_a_service_is_no_slip() -> None:
    assert not unknown_variables(
        {
            "EXPORTER_SERVICE_HOST": "10.0.0.7",
            "EXPORTER_SERVICE_PORT": "9477",
            "EXPORTER_SERVICE_PORT_METRICS": "9477",
            "EXPORTER_PORT_9477_TCP": "tcp://10.0.0.7:9477",
            "EXPORTER_PORT_9477_TCP_ADDR": "10.0.0.7",
            "EXPORTER_NODE_PORT": "tcp://10.0.0.8:9477",
            "KUBELET_PORT": "tcp://10.0.0.9:10250",
        }
    )


def test_help_lists_every_variable() -> None:
    lines = help_text().splitlines()
    for setting in SETTINGS:
        at = lines.index(f"  {setting.name}")
        assert lines[at + 1].strip() == setting.meaning
