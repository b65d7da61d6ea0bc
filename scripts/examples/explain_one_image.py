"""Ask why the demo's shortcut network calls one image a bird, in two ways, and how far the answer can be trusted."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.layout.explanation import explanations
from cnnvis.sources.demo import demo
from cnnvis.workflow.analyze import bare
from cnnvis.workflow.demo import demo_job


def main(folder: Path) -> list[Path]:
    """Draw Grad-CAM and occlusion beside the image: both point at the tag in the corner."""
    model, scenes, names = demo("shortcut", n=40)
    network = cv.trace(model, scenes[0][0], classes=names)
    index = next(i for i in range(len(scenes)) if scenes.scene(i).tag)
    bird = cv.Target(network.output, (names.index("bird"),))

    several = (cv.methods.GradCam(), cv.methods.Occlusion())
    found = [cv.attribute(model, network, scenes[index], bird, method, image="bird") for method in several]
    card = cv.scorecard(model, network, scenes[index], found[0], several[0], measures=["deletion", "sensitivity"])
    print(*card.verdicts or ["Nothing speaks against this map."], sep="\n")

    session = bare(demo_job("shortcut"), network)
    drawn = explanations(session, found, images={"bird": scenes.picture(index)})
    return [cv.export(drawn.diagram, folder / "why.png", caption=True)]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
