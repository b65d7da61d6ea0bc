"""Look at some images only, then at a single one: the same clusters, with the responses to just these."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write the picture of two classes, and what sets one image apart from the mean of another class."""
    model, scenes, names = demo("healthy", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    session = cv.Session(cv.cluster(network, activations), activations, cv.connect(model, network, activations))
    some = cv.subset(session, "two classes", classes=names[:2])
    image = cv.instance(model, network, scenes, 7)
    one = cv.lay_over(session, image, against=f"mean of {names[-1]}")
    return [
        cv.export(cv.draw(some), folder / "two-classes.svg"),
        cv.export(cv.draw(one), folder / "one-image.svg"),
    ]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
