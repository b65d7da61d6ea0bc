"""`cnnvis explain`: why did the network say that of one image, or of all images of a class?"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnvis.cli.options import add_device, must_end_right, names, positive
from cnnvis.cli.output import write_all
from cnnvis.cli.terminal import Terminal

if TYPE_CHECKING:
    from cnnvis.layout.diagram import Diagram
    from cnnvis.model.attribution import Attribution
    from cnnvis.model.scorecard import Scorecard
    from cnnvis.model.session import Session
    from cnnvis.workflow.sources import Sources


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command with its options."""
    parser = commands.add_parser(
        "explain",
        help="say which parts of an image, or of many, speak for a class, a neuron or a cluster",
        description="Explain what a network says of one image, or of all images of a class, a subset or a cell of the "
        "confusion as one, as a figure or kept in a session. The code that the job names is run. Without --target it "
        "is the class that the network predicts, for many images the class that they are or are taken for.",
    )
    parser.add_argument("source", type=Path, metavar="SESSION_OR_JOB", help="a .cnnvis or a .toml file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", action="append", metavar="N|NAME|FILE",
                      help="an index, a sample's name, a file; may be given again")  # fmt: skip
    what.add_argument("--together", metavar="CLASS|SUBSET", help="all images of a class or of a subset as one")
    what.add_argument("--cell", nargs=2, metavar=("LABEL", "PREDICTION"), help="the images of one taken for the other")
    parser.add_argument("--limit", type=positive, default=100, metavar="N",
                        help="of many images so many are drawn by chance (default: %(default)s)")  # fmt: skip
    parser.add_argument("--aligned", action="store_true", help="of many images: cut each thing out by its box")
    parser.add_argument("--target", metavar="WORDS", help="a class, a neuron layer:17, or a cluster layer:#3")
    parser.add_argument("--method", action="append", default=[], metavar="NAME",
                        help="default: Grad-CAM, of rows Input importance; may be given again, or all")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the method")
    parser.add_argument("--scorecard", action="store_true", help="measure how far it can be trusted")
    parser.add_argument("--measures", metavar="A,B", help="some of the scorecard's measures; default: all that fit")
    parser.add_argument("--seed", type=int, default=0, help="of the scorecard, or of the draw (default: %(default)s)")
    parser.add_argument("--style", default="screen", help="of a figure (default: %(default)s)")
    parser.add_argument("--trust", action="store_true", help="run files that changed since the session was made")
    add_device(parser)
    parser.add_argument("-o", "--output", type=Path, action="append", required=True, metavar="FILE",
                        help="a figure (.png, .pdf, .svg) or a session (.cnnvis); may be given twice")  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    must_end_right(options.output, ".cnnvis")
    if options.image is None:
        from cnnvis.cli.together import run_together

        return run_together(options)
    if len(options.image) > 1 or len(options.method) > 1 or options.method == ["all"]:
        from cnnvis.cli.sheet import run_sheet

        return run_sheet(options)
    return _run_one(options)


def _run_one(options: argparse.Namespace) -> int:
    from cnnvis.workflow.asking import asked_image, asked_method, asked_session, predicted, usual_method
    from cnnvis.workflow.explain import explain, target_of, with_attribution

    method = asked_method(options.method[0], options.set) if options.method else None
    kept = any(path.suffix.lower() == ".cnnvis" for path in options.output)
    terminal = Terminal()
    session, sources = asked_session(
        options.source, whole=kept, device=options.device, trust=options.trust, progress=terminal
    )
    method = method or asked_method(usual_method(session), options.set)
    session, image = asked_image(session, sources, options.image[0])
    target = target_of(session, options.target) if options.target else predicted(session, sources, image)
    found = explain(session, sources, image, target, method, progress=terminal)
    session = with_attribution(session, found)
    card = _judged(options, session, sources, found, terminal) if options.scorecard or options.measures else None
    if card is not None:
        from cnnvis.workflow.scores import with_scorecard

        session = with_scorecard(session, card)
        print("\n".join(card_lines(card)))
    says = found.evidence.facts.get("says")
    if says:
        print(says)
    write_all(options.output, session, lambda: _drawn(session, found, card), options.style)
    return 0


def _judged(
    options: argparse.Namespace, session: Session, sources: Sources, found: Attribution, terminal: Terminal
) -> Scorecard:
    from cnnvis.workflow.scores import judged, judging_cost

    measures = names(options.measures)
    cost = judging_cost(session, sources, found, measures=measures)
    print(f"Scorecard: {cost.evaluations:,} evaluations and {cost.runs} runs, about {cost.seconds:.0f} s.")
    return judged(session, sources, found, measures=measures, seed=options.seed, progress=terminal)


def card_lines(card: Scorecard) -> list[str]:
    """A scorecard as a table of text: the score, what controls reach, which end is good; then the verdicts."""
    from cnnvis.model.scorecard import CONTROLS, SCORES

    known = [name for name in CONTROLS if name in card.controls]
    rows = [("score", "this map", *(CONTROLS[name] for name in known), "")]
    for name, score in SCORES.items():
        if name in card.scores:
            theirs = [card.controls[control].get(name) for control in known]
            numbers = ["" if value is None else f"{value:.3f}" for value in theirs]
            rows.append((score.title, f"{card.scores[name]:.3f}", *numbers, f"{score.better} is better"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = (0, len(widths) - 1)
    lines = ["  ".join(row[i].ljust(w) if i in left else row[i].rjust(w) for i, w in enumerate(widths)) for row in rows]
    told = [f"! {verdict}" for verdict in card.verdicts] or ["Nothing that was measured speaks against this map."]
    return [*(line.rstrip() for line in lines), *told]


def _drawn(session: Session, found: Attribution, card: Scorecard | None) -> Diagram:
    from cnnvis.layout.explanation import explanations

    diagram = explanations(session, [found]).diagram
    if card is not None:
        diagram = replace(diagram, caption=" ".join([diagram.caption, *card.verdicts]))
    return diagram
