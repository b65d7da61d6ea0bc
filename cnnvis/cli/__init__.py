"""The command line: `cnnvis`, `demo`, `open`, `analyze`, `merge`, `export`, `info`, `explain`, `compare-methods`.

Exit codes: 0 done, 1 one sentence says what went wrong, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cnnvis
from cnnvis.cli import compare_methods, explain
from cnnvis.cli.options import add_device, positive
from cnnvis.cli.terminal import Terminal
from cnnvis.errors import Cancelled, CnnvisError, InvalidValue

if TYPE_CHECKING:
    from cnnvis.model.session import Session

__all__ = ["Terminal", "has_display", "main"]

NETWORKS = ("healthy", "shortcut", "broken")
FACETS = ("features", "activations", "contribution", "health")
TABLE_NAMES = ("neurons", "clusters", "edges", "images", "confusion", "health", "knock-outs")
DETAILS = ("clusters", "layers", "neurons")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (KeyboardInterrupt, Cancelled):
        print("cnnvis: stopped.", file=sys.stderr)
        return 130
    except CnnvisError as error:
        print(f"cnnvis: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cnnvis", description="Look inside a trained neural network.")
    parser.add_argument("--version", action="version", version=f"cnnvis {cnnvis.__version__}")
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_sessions(commands)
    explain.add_to(commands)
    compare_methods.add_to(commands)
    return parser


def _add_sessions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What makes sessions, opens them and writes them out."""
    demo = commands.add_parser("demo", help="analyse one of the embedded networks, live")
    demo.add_argument("--network", choices=NETWORKS, default="healthy", help="which of them (default: %(default)s)")
    demo.add_argument("--headless", action="store_true", help="no window: write session and figures here")
    add_device(demo)
    demo.set_defaults(run=_demo)

    opened = commands.add_parser("open", help="open a session (.cnnvis), a job (.toml) or a figure in the window")
    opened.add_argument("file", type=Path, metavar="FILE")
    opened.set_defaults(run=_open)

    analyze = commands.add_parser("analyze", help="run a job file and write a session")
    analyze.add_argument("job", type=Path, metavar="JOB")
    analyze.add_argument("-o", "--output", type=Path, metavar="OUT.cnnvis", help="default: the job's name")
    analyze.add_argument("--per-class", type=positive, metavar="N", help="at most N images (or rows) of each class")
    analyze.add_argument("--seed", type=int, help="instead of the job's")
    analyze.add_argument("--shard", type=_shard, metavar="i/n", help="only every n-th image, from the i-th (1 … n)")
    analyze.add_argument("--without-images", action="store_true", help="keep no copies of images in the session")
    add_device(analyze)
    analyze.set_defaults(run=_analyze)

    merge = commands.add_parser("merge", help="join the sessions of shards into one")
    merge.add_argument("shards", type=Path, nargs="+", metavar="SHARD.cnnvis")
    merge.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.cnnvis")
    merge.add_argument("--without-images", action="store_true", help="keep no copies of images in the session")
    merge.set_defaults(run=_merge)

    export = commands.add_parser("export", help="draw a session, or write its tables and its graph")
    export.add_argument("session", type=Path, metavar="SESSION")
    export.add_argument("file", type=Path, metavar="FILE", help="svg, pdf, png; csv; graphml, json, dot")
    export.add_argument("--style", default="double-column", help="a style's name (default: %(default)s)")
    export.add_argument("--width", type=float, metavar="MM", help="instead of the style's")
    export.add_argument("--dpi", type=positive, default=300, help="of a png (default: %(default)s)")
    export.add_argument("--facet", choices=FACETS, help="what the cards show; default: as saved")
    told = "of a csv (default: %(default)s)"
    export.add_argument("--table", type=_table, choices=TABLE_NAMES, default="neurons", help=told)
    export.add_argument("--detail", choices=DETAILS, default="clusters", help="of a graph (default: %(default)s)")
    export.set_defaults(run=_export)

    info = commands.add_parser("info", help="what a session holds")
    info.add_argument("file", type=Path, metavar="FILE")
    info.add_argument("--json", action="store_true", help="for programs")
    info.set_defaults(run=_info)


def _table(text: str) -> str:
    return "images" if text == "samples" else text  # as scripts may still call it


def _shard(text: str) -> tuple[int, int]:
    first, _, last = text.partition("/")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f"must be i/n with 1 ≤ i ≤ n, such as 2/4; got {text}")
    return int(first), int(last)


def has_display() -> bool:
    """Whether a window can be shown here: always on macOS and Windows, else with an X or Wayland display."""
    if sys.platform in ("darwin", "win32") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _no_window(wanted: str) -> InvalidValue:
    return InvalidValue(f"{wanted} needs a display; DISPLAY and WAYLAND_DISPLAY are empty. Use `cnnvis analyze`.")


def _window(options: argparse.Namespace) -> int:
    if not has_display():
        raise _no_window("The window")
    from cnnvis.gui.app import run

    return run()


def _demo(options: argparse.Namespace) -> int:
    if options.headless or not has_display():
        return _demo_headless(options.network, options.device)
    from cnnvis.gui.app import run

    return run(demo=options.network, device=options.device)


def _demo_headless(network: str, device: str) -> int:
    from cnnvis.layout.compose import draw
    from cnnvis.painting.figure import export
    from cnnvis.storage.archive import save
    from cnnvis.workflow.analyze import analyze
    from cnnvis.workflow.demo import demo_job

    session = analyze(demo_job(network), device=device, progress=Terminal())
    written = [save(session, f"demo-{network}.cnnvis")]
    diagram = draw(session)
    written += [export(diagram, f"demo-{network}.{kind}", style="double-column") for kind in ("svg", "pdf", "png")]
    print(_summary(session))
    print("Written: " + ", ".join(str(Path(w).resolve()) for w in written))
    print(f"Look at it in the window on a machine with a display: cnnvis open demo-{network}.cnnvis")
    return 0


def _open(options: argparse.Namespace) -> int:
    from cnnvis.workflow.files import checked_kind

    checked_kind(options.file)
    if not has_display():
        raise _no_window(f"Opening {options.file.name}")
    from cnnvis.gui.app import run

    return run(path=options.file)


def _analyze(options: argparse.Namespace) -> int:
    from cnnvis.model.job import read_job
    from cnnvis.storage.archive import save
    from cnnvis.workflow.analyze import analyze

    job = read_job(options.job)
    started = time.perf_counter()
    session = analyze(
        job,
        device=options.device,
        per_class=options.per_class,
        seed=options.seed,
        shard=options.shard,
        progress=Terminal(),
    )
    name = options.output or Path(options.job.stem + _shard_suffix(options.shard) + ".cnnvis")
    path = save(session, name, images=not options.without_images, exact=options.shard is not None)
    print(_summary(session))
    print(f"Written {path} ({path.stat().st_size / 1e6:.1f} MB) in {time.perf_counter() - started:.0f} s.")
    return 0


def _shard_suffix(shard: tuple[int, int] | None) -> str:
    return "" if shard is None else f"-{shard[0]}-of-{shard[1]}"


def _merge(options: argparse.Namespace) -> int:
    from cnnvis.storage.archive import load, save
    from cnnvis.workflow.merge import merge_sessions

    session = merge_sessions([load(path) for path in options.shards], progress=Terminal())
    path = save(session, options.output, images=not options.without_images)
    print(_summary(session))
    print(f"Written {path} ({path.stat().st_size / 1e6:.1f} MB).")
    return 0


def _export(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from cnnvis.storage.archive import load

    session = load(options.session)
    if options.facet is not None:
        session = session.with_look(replace(session.look, facet=options.facet, facets=frozenset()))
    print(f"Written {_written(session, options)}.")
    return 0


def _written(session: Session, options: argparse.Namespace) -> Path:
    """What `export` asks for, by the suffix of its file."""
    suffix = options.file.suffix.lower()
    if suffix == ".csv":
        from cnnvis.storage.tables import write_table

        return write_table(session, options.file, options.table)
    if suffix in (".graphml", ".json", ".dot"):
        from cnnvis.storage.graphs import write_graph

        return write_graph(session, options.file, options.detail)
    from cnnvis.layout.compose import draw
    from cnnvis.painting.figure import SUFFIXES, export

    if suffix not in SUFFIXES:
        known = "a figure (.svg, .pdf, .png), a table (.csv) or a graph (.graphml, .json, .dot)"
        raise InvalidValue(f"The file to write must be {known}; got {options.file.name}. Give it one of these endings.")
    return export(draw(session), options.file, style=options.style, width_mm=options.width, dpi=options.dpi)


def _info(options: argparse.Namespace) -> int:
    from cnnvis.storage.archive import load
    from cnnvis.workflow.report import report, report_text

    session = load(options.file)
    if options.json:
        print(json.dumps(report(session), ensure_ascii=False, indent=2))
    else:
        print(report_text(session))
    return 0


def _summary(session: Session) -> str:
    from cnnvis.workflow.report import summary

    return summary(session)
