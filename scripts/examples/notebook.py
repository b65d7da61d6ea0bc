"""From a model and images in memory to a figure: the sentence of the README, line by line."""

from __future__ import annotations

from pathlib import Path

from sklearn.cluster import KMeans

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write a session and a figure into a folder."""
    model, scenes, names = demo("healthy", n=60)  # any torch.nn.Module, any labelled images
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    connections = cv.connect(model, network, activations, probe_samples=4)
    analysis = cv.cluster(network, activations, neurons=KMeans(6))
    session = cv.Session(analysis, activations, connections)
    figure = cv.export(cv.draw(session), folder / "figure.pdf", style="double-column")
    return [cv.save(session, folder / "mine.cnnvis"), figure]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
