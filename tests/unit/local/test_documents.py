"""The documents that are made from the code: that they are in the tree as the code gives them, and hold everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from local import documents
from local.__main__ import main
from local.errors import DocumentsDiffer
from local.metrics_document import kubelet_sources, metrics_document
from promql import names
from promql.rules import COARSE_AGGREGATES, rules_file

TEXT = metrics_document()
ROWS = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)


@pytest.mark.parametrize("path", documents.DOCUMENTS)
def test_the_document_in_the_tree_is_what_the_code_gives(path: str) -> None:
    assert (documents.ROOT / path).read_text("utf-8") == documents.DOCUMENTS[path](), "run `make docs`"


def test_what_differs_is_named_written_and_then_as_it_should_be(tmp_path: Path) -> None:
    made = {"docs/one.md": lambda: "one\n", "docs/two.md": lambda: "two\n"}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/one.md").write_text("one\n")
    with pytest.raises(DocumentsDiffer, match=r"docs/two\.md; run `make docs`"):
        documents.check(tmp_path, made)
    assert documents.write(tmp_path, made) == ["docs/two.md"]
    documents.check(tmp_path, made)


def test_the_command_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["documents", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_every_metric_has_one_row() -> None:
    assert sorted(name for name in ROWS if name in names.METRICS) == sorted(names.METRICS)


def test_every_record_has_one_row_or_its_name_in_one() -> None:
    groups = yaml.safe_load(rules_file(15, 60))["groups"]
    fine = [rule["record"] for rule in groups[0]["rules"]]
    listed = [name for row in ROWS for name in expanded(row) if ":" in name and not name.endswith(":")]
    assert sorted(listed) == sorted(fine)
    coarse = {rule["record"].rpartition(":")[2] for rule in groups[1]["rules"]}
    assert coarse == {f"{aggregate}_5m" for aggregate in COARSE_AGGREGATES}
    assert all(f"`{suffix}`" in TEXT for suffix in coarse)


def expanded(row: str) -> list[str]:
    """The names that braces at the beginning stand for."""
    levels = re.match(r"{(.*)}", row)
    return [level + row[levels.end() :] for level in levels[1].split(",")] if levels else [row]


def test_every_metric_of_the_facade_is_there() -> None:
    assert "| `cloudmon_facade_requests_total` | counter | `method`, `route`, `status` |" in TEXT
    assert "| `cloudmon_facade_request_duration_seconds` | histogram | `route` |" in TEXT


@pytest.mark.parametrize(
    ("metric", "source"),
    [
        (names.NODE_CPU_USAGE_CORES, "`resource` else `detail`"),
        (names.NODE_NETWORK_INTERFACE_INFO, "`detail` else `storage`"),
        (names.POD_MEMORY_RSS_BYTES, "`resource` else `detail`"),
        (names.POD_DISK_READ_BYTES, "`detail`"),
        (names.POD_VOLUME_CAPACITY_BYTES, "`storage`"),
        (names.CONTAINER_CPU_USAGE_CORES, "`resource` else `detail`"),
        (names.POD_OOM_KILLS, "API server"),
        (names.NODE_READY, "API server"),
    ],
)
def test_where_a_metric_comes_from(metric: names.Metric, source: str) -> None:
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{metric.name}` |")]
    assert row.split(" | ")[4] == source


def test_the_kubelet_gives_all_of_a_node_but_what_the_api_server_says() -> None:
    measured = kubelet_sources().keys()
    said = {metric.name for metric in names.METRICS.values() if metric.scope == "node"} - measured
    assert {name for name in said if name.startswith(("cloudmon_node_", "cloudmon_pod_"))} == {
        metric.name
        for metric in (
            names.POD_READY,
            names.POD_START_TIME_SECONDS,
            names.POD_CONTAINER_RESTARTS,
            names.POD_OOM_KILLS,
            names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS,
        )
    }
    assert all(names.METRICS[name].scope == "node" for name in measured)
