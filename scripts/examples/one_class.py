"""Ask what leads to one class: edges measured for it alone, and a figure in which what matters for it stands out."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write a figure for one column of a paper."""
    model, scenes, names = demo("healthy", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    analysis = cv.cluster(network, activations)
    target = names.index("tree")
    edges = cv.connect(model, network, activations, mode="class", target=target, probe_samples=4)
    session = cv.Session(analysis, activations, edges, look=cv.Look(mode="class", chosen=target))
    return [cv.export(cv.draw(session), folder / "tree.pdf", style="double-column")]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
