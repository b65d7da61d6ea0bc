"""`cnnvis compare-methods`: which method explains this network best?"""

from __future__ import annotations

import argparse
from pathlib import Path

from cnnvis.cli.options import add_device, must_end_right, names, positive
from cnnvis.cli.terminal import Terminal


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command with its options."""
    parser = commands.add_parser(
        "compare-methods",
        help="score all explanation methods over many images: one table, one figure",
        description="Explain the predicted class of many images, as many of each class as may be and one in five "
        "predicted wrong, by every method that fits; score each explanation and write means with 95 %% intervals.",
    )
    parser.add_argument("job", type=Path, metavar="JOB", help="a .toml file")
    parser.add_argument("--images", type=positive, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--methods", metavar="A,B", help="default: all that fit")
    parser.add_argument("--measures", metavar="A,B", help="default: all that fit")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--style", default="double-column", help="of the figure (default: %(default)s)")
    add_device(parser)
    parser.add_argument("-o", "--output", type=Path, action="append", metavar="FILE",
                        help="a table (.csv), a figure (.pdf, .svg, .png); default: both")  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    outputs = options.output or [Path(f"{options.job.stem}-methods{suffix}") for suffix in (".csv", ".pdf")]
    must_end_right(outputs, ".csv")
    from cnnvis.workflow.asking import asked_job, asked_method
    from cnnvis.workflow.compare import compare
    from cnnvis.workflow.sources import open_sources, traced

    terminal = Terminal()
    methods = [asked_method(name) for name in names(options.methods) or ()] or None
    job = asked_job(options.job, options.device)
    sources = open_sources(job, progress=terminal)
    found = compare(
        sources,
        traced(job, sources, terminal),
        n_images=options.images,
        methods=methods,
        measures=names(options.measures),
        seed=options.seed,
        device=job.analysis.device,
        progress=terminal,
    )
    for title, reason in found.left_out.items():
        print(f"Left out: {title}. {reason}")
    for path in outputs:
        if path.suffix.lower() == ".csv":
            from cnnvis.storage.tables import save_table

            save_table(found.table(), path)
        else:
            from cnnvis.layout.comparison import comparison_diagram
            from cnnvis.painting.figure import export

            export(comparison_diagram(found), path, style=options.style, caption=True)
    n = len(found.images)
    print(f"{len(found.methods)} methods over {n} images ({int(found.right.sum())} predicted right).")
    print("Written " + ", ".join(map(str, outputs)))
    return 0
