"""Take the numbers elsewhere: tables as csv, the graph as GraphML or with networkx, a matrix as a figure."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write two tables, a graph and a matrix; print the clusters that most excitation reaches."""
    model, scenes, names = demo("healthy", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    analysis = cv.cluster(network, activations)
    session = cv.Session(analysis, activations, cv.connect(model, network, activations, probe_samples=4))
    rank = nx.pagerank(cv.graph(session), weight="excites")
    print(*sorted(rank, key=rank.__getitem__, reverse=True)[:5], sep="\n")
    return [
        cv.write_table(session, folder / "neurons.csv", "neurons"),
        cv.write_table(session, folder / "edges.csv", "edges"),
        cv.write_graph(session, folder / "clusters.graphml"),
        cv.export(cv.matrix_diagram(session, analysis.groups[-2].representative), folder / "matrix.pdf"),
    ]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
