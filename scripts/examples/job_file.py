"""Describe an analysis in a job file, run it, and read the report: what the command line does."""

from __future__ import annotations

from pathlib import Path

import cnnvis as cv
from cnnvis.workflow.report import report_text

JOB = """
[network]
factory = "demo:broken"

[data]
source = "demo:broken"
per_class = 5

[analysis]
probe_images = 4
"""


def main(folder: Path) -> list[Path]:
    """Write the job and its session."""
    job = folder / "job.toml"
    job.write_text(JOB, encoding="utf-8")
    session = cv.analyze(job)
    print(report_text(session))
    return [job, cv.save(session, folder / "broken.cnnvis")]


if __name__ == "__main__":
    for path in main(Path.cwd()):
        print(path)
