"""Serve a recording by hand: ``python -m tests.replay lab-1 --speed 5`` prints the environments of both exporters."""

from __future__ import annotations

import argparse
import shlex
import signal
from pathlib import Path

from tests.replay import IDENTITIES, Recording, ReplayedCluster


def main() -> None:
    arguments = _parser().parse_args()
    path = Path(arguments.recording)
    chosen = (arguments.first, arguments.last)
    recording = Recording(path, *chosen) if path.is_dir() else Recording.named(arguments.recording, *chosen)
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before any thread starts: they inherit it
    with ReplayedCluster(
        recording, arguments.speed, kubelet_port=arguments.kubelet_port, api_port=arguments.api_port
    ) as cluster:
        for scope in IDENTITIES:
            settings = (f"{name}={shlex.quote(value)}" for name, value in cluster.environment(scope).items())
            print(f"# scope {scope}\nexport {' '.join(settings)}", flush=True)
        if not arguments.hold:
            cluster.begin()
        print("# Ctrl-C ends it", flush=True)
        signal.sigwait(ends)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.replay",
        description="Serve a recording as a kubelet and an API server over TLS, on its own timeline.",
    )
    parser.add_argument("recording", help="a folder of tests/recordings, such as lab-1 or lab-3, or a path to one")
    parser.add_argument("--speed", type=float, default=1.0, help="recorded seconds that pass in a second (default 1)")
    parser.add_argument("--first", type=int, default=0, help="first moment to serve, counted from 0")
    parser.add_argument("--last", type=int, help="last moment to serve")
    parser.add_argument("--hold", action="store_true", help="stay at the first moment")
    parser.add_argument("--kubelet-port", type=int, default=0, help="port of the kubelet (default: a free one)")
    parser.add_argument("--api-port", type=int, default=0, help="port of the API server (default: a free one)")
    return parser


if __name__ == "__main__":
    main()
