"""``python -m promql``: print the Prometheus configuration, the recording rules or the alerts."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from promql.alerts import RUNBOOKS, alerts_file
from promql.catalogue import Catalogue
from promql.config import prometheus_config
from promql.dialects import CLOUDMON, DIALECTS, metric_rules, windows_of
from promql.rules import rules_file
from promql.windows import Windows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m promql", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    config = commands.add_parser("config", help="print prometheus.yml for exporters at known addresses")
    _config_arguments(config)
    rules = commands.add_parser("rules", help="print the recording rules")
    alerts = commands.add_parser("alerts", help="print the alerts, a rule file beside that of the recording rules")
    for command in (rules, alerts):
        command.add_argument(
            "--detail-interval", type=float, default=60.0, metavar="SECONDS", help="as the exporters have it (60)"
        )
    alerts.add_argument(
        "--storage-interval", type=float, default=300.0, metavar="SECONDS", help="as the exporters have it (300)"
    )
    rules.add_argument(
        "--dialect",
        choices=DIALECTS,
        default=CLOUDMON,
        help="record our metrics from those of another dialect first",
    )
    alerts.add_argument(
        "--runbooks", default=RUNBOOKS, metavar="URL", help=f"the folder of the runbooks ({RUNBOOKS}, of the project)"
    )
    for command in (config, rules, alerts):
        command.add_argument("--scrape-interval", type=float, default=15.0, metavar="SECONDS", help="default 15")
    options = parser.parse_args(arguments)
    if options.command == "rules":
        windows = windows_of(options.dialect, Windows(options.scrape_interval, options.detail_interval))
        before = metric_rules(options.dialect, Catalogue.load(), windows)
        sys.stdout.write(rules_file(options.scrape_interval, windows.detail_seconds, before))
    elif options.command == "alerts":
        intervals = options.scrape_interval, options.detail_interval, options.storage_interval
        sys.stdout.write(alerts_file(*intervals, options.runbooks))
    else:
        if options.shard and options.rules:
            parser.error("a shard is given no rules: it would record totals of some pods as those of all")
        sys.stdout.write(_config(options))
    return 0


def _config_arguments(config: argparse.ArgumentParser) -> None:
    config.add_argument("--target", action="append", default=[], type=_node_target, metavar="NODE=HOST:PORT",
                        help="a node's exporter; may be repeated")  # fmt: skip
    config.add_argument("--cluster-target", metavar="HOST:PORT", help="the exporter of scope cluster")
    config.add_argument("--cluster", metavar="NAME", help="the value of the cluster label")
    config.add_argument("--rules", action="append", default=[], metavar="PATH", help="a rule file; may be repeated")
    config.add_argument("--shard", type=_shard, metavar="I/N",
                        help="the share of server I of N, from 0 on, which takes no rules")  # fmt: skip
    config.add_argument("--remote-read", action="append", default=[], metavar="URL",
                        help="a server to read, such as http://HOST:9090/api/v1/read; may be repeated")  # fmt: skip
    config.add_argument("--remote-write", action="append", default=[], metavar="URL",
                        help="a store to write to, such as http://HOST:8428/api/v1/write; may be repeated")  # fmt: skip


def _config(options: argparse.Namespace) -> str:
    return prometheus_config(
        dict(options.target),
        options.cluster_target,
        options.cluster,
        options.scrape_interval,
        options.rules,
        shard=options.shard,
        remote_read=options.remote_read,
        remote_write=options.remote_write,
    )


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    shard, shards = (int(number) for number in match.groups()) if match else (0, 0)
    if not shard < shards:
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 0 to N - 1, for example 0/2")
    return shard, shards


def _node_target(text: str) -> tuple[str, str]:
    node, separator, address = text.partition("=")
    if not (node and separator and address):
        raise argparse.ArgumentTypeError(f"{text!r} is not NODE=HOST:PORT, for example node-1=127.0.0.1:9477")
    return node, address


if __name__ == "__main__":
    sys.exit(main())
