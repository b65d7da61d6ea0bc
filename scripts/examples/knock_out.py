"""Ask what a cluster of neurons is for: what it contributes to each class, and what the network loses without it."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write a table: for each class what was foretold and what became true."""
    model, scenes, names = demo("healthy", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    analysis = cv.cluster(network, activations)
    layer = analysis.groups[2].representative
    units = next(iter(analysis.clusters[layer])).members

    contributions = cv.contribute(model, network, activations)
    with cv.Cache() as cache:  # a second knock-out of this layer, or of a later one, costs only what follows it
        zero = cv.ablate(model, network, activations, {layer: units}, contributions=contributions, cache=cache)
        mean = cv.ablate(model, network, activations, {layer: units}, fill="mean", cache=cache)

    path = folder / "knock-out.txt"
    lines = [f"{len(units)} neurons of {layer}: {len(zero.flips)} predictions flip, at the mean {len(mean.flips)}"]
    lines += [f"{name:8} foretold {a:+.2f}, true {b:+.2f}" for name, a, b in zip(names, zero.foretold, zero.change)]
    lines.append(f"r = {zero.correlation:.2f}, off by {zero.error:.2f} on average")
    path.write_text("\n".join(lines), encoding="utf-8")
    return [path]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path.read_text(encoding="utf-8"))
