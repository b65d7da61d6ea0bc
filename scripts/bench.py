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
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
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
    "contribute-resnet20": "effects:contribute_resnet20",
    "contribute-squeezenet": "effects:contribute_squeezenet",
    "ablate-resnet20": "effects:ablate_resnet20",
    "ablate-squeezenet": "effects:ablate_squeezenet",
    "visualize-resnet20": "visualize:step_resnet20",
    "visualize-squeezenet": "visualize:step_squeezenet",
    "visualize-together": "visualize:together_resnet20",
    "edges": "edges:edges_squeezenet",
    "edges-stage": "edges:edges_stage",
    "diagnose": "health:diagnose_resnet20",
    "scorecard-resnet20": "scorecards:scorecard_resnet20",
    "scorecard-squeezenet": "scorecards:scorecard_squeezenet",
    "grad-cam": "grad_cam:grad_cam_resnet50",
    "occlusion-resnet20": "explain:occlusion_resnet20",
    "occlusion-squeezenet": "explain:occlusion_squeezenet",
    "occlusion-resnet50": "explain:occlusion_resnet50",
    "lime-resnet20": "explain:lime_resnet20",
    "lime-squeezenet": "explain:lime_squeezenet",
    "lime-resnet50": "explain:lime_resnet50",
    "layout": "picture:layout_60_by_40",
    "bundling": "picture:bundling_48_by_48",
    "packing": "picture:packing_100",
    "ordering": "picture:ordering_512",
    "graph": "graphs:graph_of_neurons",
    "start": "window:start_to_window",
    "open": "window:opening",
    "pan": "window:pan",
    "pan-crowd": "window:pan_crowd",
    "click": "window:click",
    "matrix": "window:matrix_panel",
    "regroup": "window:regroup",
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
    with tempfile.TemporaryDirectory(prefix="cnnvis-bench-") as folder:
        return max([show(name, folder) for name in options.names or MEASUREMENTS])


def measure(name: str) -> list[Row]:
    """The rows of one measurement, taken in this process."""
    module, _, function = MEASUREMENTS[name].partition(":")
    found = getattr(importlib.import_module(f"benchmarks.{module}"), function)()
    return found if isinstance(found, list) else [found]


def show(name: str, folder: str) -> int:
    """Measure in a fresh process and print the rows; 1 where it failed. `folder` holds what measurements share."""
    command = [sys.executable, __file__, "--one", name]
    # Sources compile once, not at every start, whatever this shell says.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"CNNVIS_BENCH": folder, "PYTHONPATH": str(ROOT)}
    if MEASUREMENTS[name].startswith("window:") and sys.platform.startswith("linux"):
        command = on_a_screen(command, environment)
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"| {name} | not measured | | {reason.removeprefix('benchmarks.places.')[:200]} |", flush=True)
        print(run.stderr, file=sys.stderr)
        return 1
    for row in json.loads(run.stdout.splitlines()[-1]):
        print(f"| {row['what']} | {row['figure']} | {row['asked']} | {row['beside']} |", flush=True)
    return 0


def on_a_screen(command: list[str], environment: dict[str, str]) -> list[str]:
    """The command on this screen, else on a virtual one where there is Xvfb, else drawn into memory."""
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return command
    if shutil.which("xvfb-run") is None:
        environment["QT_QPA_PLATFORM"] = "offscreen"
        return command
    environment["QT_QPA_PLATFORM"] = "xcb"
    return ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24", *command]


def machine() -> str:
    """One line that names the machine, how busy it is, and the versions."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "PySide6_Essentials"))
    busy = f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    python = f"Python {platform.python_version()}"
    return f"{platform.system()}, {cpu}, {os.cpu_count()} cores, {busy}, {python}, {packages}"


if __name__ == "__main__":
    sys.exit(main())
