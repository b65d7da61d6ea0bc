"""`cnnvis explain --together` and `--cell`: many images explained as one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis.cli.output import write_all
from cnnvis.cli.terminal import Terminal
from cnnvis.errors import InvalidValue

if TYPE_CHECKING:
    from cnnvis.model.session import Session
    from cnnvis.model.together import GroupExplanation


def run_together(options: argparse.Namespace) -> int:
    """Explain a class, a subset or a cell; say what is found, and write figures or the session."""
    from cnnvis.layout.together import together_diagram
    from cnnvis.workflow.asking import asked_method, asked_session, usual_method
    from cnnvis.workflow.together import explain_group, with_group

    if options.scorecard or options.measures:
        raise InvalidValue("--scorecard must go with --image: it measures the explanation of one image.")
    if len(options.method) > 1 or options.method == ["all"]:
        raise InvalidValue("--method must be one method where many images are explained as one.")
    method = asked_method(options.method[0], options.set) if options.method else None
    terminal = Terminal()
    session, sources = asked_session(
        options.source, whole=True, device=options.device, trust=options.trust, progress=terminal
    )
    found = explain_group(
        session,
        sources,
        options.together if options.cell is None else tuple(options.cell),
        options.target,
        method or asked_method(usual_method(session), options.set),
        limit=options.limit,
        aligned=options.aligned,
        seed=options.seed,
        progress=terminal,
    )
    session = with_group(session, found)
    print("\n".join(said(session, found)))
    write_all(options.output, session, lambda: together_diagram(session, found), options.style)
    return 0


def said(session: Session, found: GroupExplanation) -> list[str]:
    """What was explained, each kind of maps with what it is made of, and whether the evidence lies at a fixed place."""
    from cnnvis.model.findings.places import fixed_places

    lines = [f"{found.name}: {len(found):,} of {found.asked:,} images explained by {found.method}."]
    for number, cluster in enumerate(found.clusters.clusters if found.clusters is not None else ()):
        made = found.make_up(number)
        words = [f"{n} {session.classes[c]}" for c, n in made[:4] if 0 <= c < len(session.classes)]
        more = f" and {len(made) - 4} more classes" if len(made) > 4 else ""
        of = f" ({', '.join(words)}{more})" if words else ""
        lines.append(f"Kind {number + 1} of maps: {len(cluster.members)} images{of}")
    alone = session.with_measurements(replace(session.measurements, groups={})).measurements.with_group(found)
    for finding in fixed_places(session.with_measurements(alone)):
        lines.append(f"! {finding.text}. {finding.detail}.")
    return lines
