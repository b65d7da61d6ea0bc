"""Ask where in an image a cluster of neurons finds what it looks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write the heat map of the largest cluster of the last stage, as a grey picture."""
    model, scenes, names = demo("healthy", n=40)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    analysis = cv.cluster(network, activations)
    layer = analysis.groups[3].representative
    target = cv.Target(layer, next(iter(analysis.clusters[layer])).members)
    found = cv.attribute(model, network, scenes[0], target, cv.methods.GradCam())
    heat = np.maximum(found.evidence.values, 0)
    path = folder / "cam.png"
    Image.fromarray((255 * heat / max(float(heat.max()), 1e-9)).astype(np.uint8)).save(path)
    return [path]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
