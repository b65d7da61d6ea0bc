"""What it takes to write the graph of every neuron for other programs."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.sessions import folder, squeezenet
from benchmarks.timing import Row

CODE = """
import resource, sys, time
from pathlib import Path
from cnnvis.storage.archive import load
from cnnvis.storage.graphs import write_graph
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
session, path = load(sys.argv[1]), Path(sys.argv[2])
before, start = peak(), time.perf_counter()
write_graph(session, path, "neurons")
print(before, peak(), time.perf_counter() - start, path.stat().st_size / 1e6)
path.unlink()
"""


def graph_of_neurons() -> list[Row]:
    """3,656 neurons with 926,632 effects on each other, each form in a process that loads the session and no more."""
    session, rows = squeezenet(), []
    for form in ("GraphML", "JSON"):
        command = [sys.executable, "-c", CODE, str(session), str(folder() / f"neurons.{form.lower()}")]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        before, peak, took, size = map(float, run.stdout.split())
        what = f"peak memory of writing SqueezeNet's graph of every neuron, {form}"
        beside = f"{before:.0f} MB with the session open; {size:.0f} MB in {took:.1f} s"
        rows.append(Row(what, f"{peak:.0f} MB", "≤ 500 MB", beside))
    return rows
