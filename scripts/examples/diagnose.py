"""Let the program say what looks wrong: health of every layer, and findings with their usual causes, worst first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cnnvis as cv
from cnnvis.sources.demo import demo


def main(folder: Path) -> list[Path]:
    """Write the findings of a network whose training failed."""
    model, scenes, names = demo("broken", n=60)
    network = cv.trace(model, scenes[0][0], classes=names)
    activations = cv.record(model, network, scenes)
    session = cv.Session(cv.cluster(network, activations), activations)
    health = cv.diagnose(model, network, activations, samples=32)
    session = session.with_measurements(replace(session.measurements, health=health))
    lines = [f"{found.level}: {found.text}. {found.cause}" for found in cv.findings(session)]
    path = folder / "findings.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return [path]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path.read_text(encoding="utf-8"))
