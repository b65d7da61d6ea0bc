"""Change the clusters of a layer by hand: merge, rename, move, gather, lock; cluster the rest anew and rate it."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write the session, changed by hand."""
    model, scenes, names = demo("healthy", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    analysis = cv.cluster(network, activations)
    layer = analysis.groups[3].representative
    clusters = analysis.clusters[layer]
    first, second, third = (c.id for c in list(clusters)[:3])
    clusters = clusters.merge(first, second).rename(first, "roundish things")
    clusters = clusters.move(clusters[third].members[:1], to=first)
    clusters = clusters.gather([0, 1]).lock(first)
    analysis = analysis.with_clusters(layer, clusters)
    analysis = cv.recluster(analysis, activations, cv.Recipe("AgglomerativeClustering", k=4), layers=[layer])
    found = cv.silhouettes(activations, layer, analysis.clusters[layer])
    print(f"{layer}: {len(analysis.clusters[layer])} clusters, silhouette {found.mean if found else 0:.2f}")
    return [cv.save(cv.Session(analysis, activations), folder / "by-hand.cnnvis")]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
