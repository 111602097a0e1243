"""Every figure of docs/performance.md, measured anew: what ``make bench`` runs.

    python -m bench [--parts exporter storage facade] [--pairs 5] [--report FILE]

The parts run one after the other, each in a process of its own, and say what they find as they find it. The report is
written as Markdown (``--report``, docs/performance.md unless told otherwise) and, beside it, as JSON; a part that was
left out keeps what the last report said of it. Needs prometheus, promtool and wrk on PATH, two processors and ten
minutes in which they have little else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import facade, references

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATE: Final = Path(__file__).with_name("performance.template.md")
NEEDED: Final = ("prometheus", "promtool", "wrk")
Part = dict[str, Any]
# What each part runs, after the interpreter.
COMMANDS: Final[dict[str, list[str]]] = {
    "exporter": ["bench/exporter.py"],
    "storage": ["bench/storage.py"],
    "facade": ["-m", "bench", "--only-facade"],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where something needed is not there, or a part failed; a figure that misses its target is 0."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=tuple(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--pairs", type=int, default=5, help="of measurements in turn, for each ratio of the facade")
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "performance.md", metavar="FILE")
    parser.add_argument("--only-facade", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(arguments)
    if options.only_facade:
        facade.main([*rest, f"--pairs={options.pairs}"], references.references)
        return 0
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    if absent := [program for program in NEEDED if shutil.which(program) is None]:
        print(f"not on PATH: {', '.join(absent)}. Debian and Ubuntu: apt-get install prometheus wrk", file=sys.stderr)
        return 1
    return _run(options.parts, options.pairs, options.report)


def _run(parts: Sequence[str], pairs: int, report: Path) -> int:
    kept = report.with_suffix(".json")
    known: dict[str, Part] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for number, name in enumerate(parts, 1):
        print(f"\n{name} ({number} of {len(parts)})", file=sys.stderr, flush=True)
        found = _measure(name, pairs)
        if found is None:
            print(f"{name} failed: {report} keeps what it said before", file=sys.stderr)
            return 1
        known[name] = found
        kept.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        report.write_text(render(known), encoding="utf-8")
    print(f"\nwrote {report} and {kept}", file=sys.stderr)
    return 0


def _measure(name: str, pairs: int) -> Part | None:
    """What a part says, with the time it took and the machine's load before it; None where it failed."""
    started, load = time.time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as directory:
        figures = Path(directory) / "figures.json"
        command = [sys.executable, *COMMANDS[name], "--json", str(figures)]
        if name == "facade":
            command.append(f"--pairs={pairs}")
        table = []
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                if line.startswith("|"):
                    table.append(line.rstrip("\n"))
                    print(table[-1], flush=True)
        if process.returncode or not figures.exists():
            return None
        measured = json.loads(figures.read_text("utf-8"))
    return {
        "measured": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "seconds": round(time.time() - started),
        "load_before": round(load, 2),
        "machine": machine(),
        "table": "\n".join(table),
        "figures": measured,
    }


def machine() -> str:
    """Processors, memory, and the versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    said = subprocess.run([str(shutil.which("prometheus")), "--version"], capture_output=True, text=True, check=True)
    prometheus = (said.stdout or said.stderr).split()[2]
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, "
        f"Prometheus {prometheus}"
    )


def render(parts: dict[str, Part]) -> str:
    """The document: the template with each part's table in its place."""
    text = TEMPLATE.read_text("utf-8")
    for name in COMMANDS:
        part = parts.get(name)
        said = "Not measured yet: `make bench`."
        if part is not None:
            said = f"{part['table']}\n\n{part['machine']}; {part['measured']}, in {part['seconds']} s; load before: "
            said += f"{part['load_before']}."
        text = text.replace(f"{{{name}}}", said)
    return text


if __name__ == "__main__":
    sys.exit(main())
