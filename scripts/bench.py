#!/usr/bin/env python3
"""Prints a table of what cnnvis costs on this machine: `python scripts/bench.py [NAME …]`.

Each measurement runs in a fresh process, so that none warms up or burdens another. Ratios are taken in pairs in
one run; times stand beside a fixed calibration loop of the same run. What cannot be measured here says why.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks.timing import Row  # noqa: E402  (found only on the path set above)

MEASUREMENTS = {
    "record-resnet20": "passes:record_resnet20",
    "record-squeezenet": "passes:record_squeezenet",
    "record-vgg16": "passes:record_vgg16",
    "memory": "passes:memory",
    "trace": "passes:trace_152",
    "layout": "picture:layout_60_by_40",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; default: all")
    parser.add_argument("--one", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps([asdict(row) for row in measure(options.one)]))
        return 0
    unknown = [name for name in options.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
    print(f"{machine()}\n\n| what | figure | asked | beside |\n|---|---|---|---|", flush=True)
    return max([show(name) for name in options.names or MEASUREMENTS])


def measure(name: str) -> list[Row]:
    """The rows of one measurement, taken in this process."""
    module, _, function = MEASUREMENTS[name].partition(":")
    found = getattr(importlib.import_module(f"benchmarks.{module}"), function)()
    return found if isinstance(found, list) else [found]


def show(name: str) -> int:
    """Measure in a fresh process and print the rows; 1 where it failed."""
    # Sources compile once, not at every start, whatever this shell says.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, __file__, "--one", name], capture_output=True, text=True, env=environment, check=False
    )
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"| {name} | not measured | | {reason} |", flush=True)
        return 1
    for row in json.loads(run.stdout.splitlines()[-1]):
        print(f"| {row['what']} | {row['figure']} | {row['asked']} | {row['beside']} |", flush=True)
    return 0


def machine() -> str:
    """One line that names the machine and the versions."""
    from importlib.metadata import version

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "PySide6_Essentials"))
    return f"{platform.system()}, {cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    sys.exit(main())
