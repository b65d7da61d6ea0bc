"""Explain all images of a class together: where the evidence lies, how it varies, and which kinds of maps there are."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.workflow.demo import demo_job
from cnnvis.workflow.sources import open_sources
from cnnvis.workflow.together import with_group


def main(folder: Path) -> list[Path]:
    """Find the tag of the demo's shortcut network, and draw the kinds of maps."""
    job = demo_job("shortcut")
    session, sources = cv.analyze(job), open_sources(job)
    found = cv.explain_group(session, sources, "bird", method=cv.methods.GradCam())
    session = with_group(session, found)
    print(cv.findings(session)[0].text)
    return [cv.export(cv.together_diagram(session, found), folder / f"birds.{suffix}") for suffix in ("svg", "png")]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
