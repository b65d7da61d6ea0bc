#!/usr/bin/env python3
"""Counts hits and false alarms of the findings and prints them as a table for docs/findings.md.

    python scripts/judge_findings.py [--together] [--kinds KIND …] [--seeds FOLDER] [--jobs JOB.toml …]

Judged are the three demos; with --seeds also FOLDER/1/broken.safetensors and so on, made by scripts/train_demo.py
with other seeds (its FOLDER is where it writes); networks with random weights; and the jobs that are named. A hit is:
on broken the fully dead first layer of stage 2 stands first; on shortcut the tag's class is found in the corners, as an
alarm; on healthy and on every other network with trained weights no alarm is raised. With --together each class is
explained as a whole and judged by that alone: on shortcut the tag's class is found, and no class anywhere else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cnnvis.model.findings import Finding, findings  # noqa: E402  (found only on the path set above)
from cnnvis.model.findings.places import FEWEST, fixed_places  # noqa: E402
from cnnvis.model.job import Job, read_job  # noqa: E402
from cnnvis.sources.demo import NETWORKS, TAGS  # noqa: E402
from cnnvis.sources.demo_network import demo_network  # noqa: E402
from cnnvis.workflow.analyze import analyze  # noqa: E402
from cnnvis.workflow.demo import demo_job  # noqa: E402
from cnnvis.workflow.sources import open_sources  # noqa: E402
from cnnvis.workflow.together import explain_group, with_group  # noqa: E402

DEAD = "stage2.0.conv1"
KINDS = [*NETWORKS, "random"]


@dataclass(frozen=True)
class Case:
    """One network to judge: `kind` is a demo's name, "random" or "other"."""

    name: str
    kind: str
    job: Job


def cases(kinds: list[str], seeds: Path | None, jobs: list[Path], folder: Path) -> Iterator[Case]:
    """The demos, their seeds, random weights, and the jobs that are named."""
    for name in (name for name in NETWORKS if name in kinds):
        yield Case(f"{name}, as shipped", name, demo_job(name))
        for weights in sorted(seeds.glob(f"*/{name}.safetensors")) if seeds is not None else ():
            yield Case(f"{name}, seed {weights.parent.name}", name, weighing(demo_job(name), weights))
    for seed in (1, 2, 3) if "random" in kinds else ():
        torch.manual_seed(seed)
        weights = folder / f"random-{seed}.safetensors"
        save_file({k: v.contiguous() for k, v in demo_network().state_dict().items()}, weights)
        yield Case(f"demo network, random weights {seed}", "random", weighing(demo_job("healthy"), weights))
    for path in jobs:
        yield Case(path.stem, "other", read_job(path))


def weighing(job: Job, weights: Path) -> Job:
    """The same job with other weights."""
    return replace(job, network=replace(job.network, weights=str(weights.resolve())))


def verdict(kind: str, found: tuple[Finding, ...], classes: tuple[str, ...]) -> str:
    """Whether the findings are what they should be; for random weights only that nothing is made up."""
    alarms = [f for f in found if f.level == "alarm"]
    if kind == "broken":
        return "hit" if found and found[0].kind == "dead" and found[0].layer == DEAD else "miss"
    if kind == "shortcut":
        tag = TAGS["shortcut"]
        assert tag is not None
        said = [f for f in alarms if f.kind == "shortcut" and classes[f.target] == tag.on]
        place = f"hit, no. {found.index(said[0]) + 1}" if said else "miss"
        return place + (f", {len(alarms) - len(said)} false alarms" if len(alarms) > len(said) else "")
    others = [f for f in alarms if "at chance" not in f.text]
    if kind == "random" and others != alarms:
        return "no other alarm" if not others else f"{len(others)} false alarms"
    return "no alarm" if not alarms else f"{len(alarms)} false alarms"


def judge(case: Case) -> Iterator[str]:
    """The row of the table for all findings of an analysis."""
    session = analyze(case.job)
    assert session.activations is not None
    found = findings(session)
    counts = [sum(f.level == level for f in found) for level in ("alarm", "warning", "hint")]
    accuracy = session.activations.samples.accuracy
    yield case.name
    yield "–" if accuracy is None else f"{100 * accuracy:.0f} %"
    yield verdict(case.kind, found, session.analysis.network.classes)
    yield from map(str, counts)
    yield found[0].text.rstrip(".") if found else "nothing"
    for finding in found:
        print(f"  {finding.severity:.2f} {finding.text} | {finding.detail}", file=sys.stderr, flush=True)


def judge_together(case: Case) -> Iterator[str]:
    """The row of the table for the evidence of each class that has enough images, explained as a whole."""
    sources = open_sources(case.job)
    session = analyze(case.job, sources=sources)
    assert session.activations is not None
    classes, labels = session.analysis.network.classes, session.activations.samples.labels
    asked = [name for label, name in enumerate(classes) if (labels == label).sum() >= FEWEST]
    for name in asked:
        session = with_group(session, explain_group(session, sources, name))
    raised = fixed_places(session)
    tag = TAGS["shortcut"]
    assert tag is not None
    wanted = [tag.on] if case.kind == "shortcut" else []
    right = [f for f in raised if classes[f.target] in wanted]
    yield case.name
    yield str(len(asked))
    yield ("hit" if right else "miss") if wanted else "–"
    yield str(len(raised) - len(right))
    yield raised[0].text if raised else "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--together", action="store_true", help="judge classes that are explained as a whole")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS, help="which to judge beside --jobs")
    parser.add_argument("--seeds", type=Path)
    parser.add_argument("--jobs", type=Path, nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    head = ["network", "accuracy", "verdict", "alarms", "warnings", "hints", "said first"]
    head = ["network", "classes asked", "verdict", "false alarms", "said"] if options.together else head
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    judging = judge_together if options.together else judge
    with tempfile.TemporaryDirectory(prefix="cnnvis-findings-") as folder:
        for case in cases(options.kinds, options.seeds, options.jobs, Path(folder)):
            print("| " + " | ".join(judging(case)) + " |", flush=True)


if __name__ == "__main__":
    main()
