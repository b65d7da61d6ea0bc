"""`cnnvis explain` with several images or methods: one sheet, a row an image, a column a method."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cnnvis.cli.output import write_all
from cnnvis.cli.terminal import Terminal
from cnnvis.errors import InvalidValue

if TYPE_CHECKING:
    from cnnvis.compute.method import Method
    from cnnvis.model.attribution import Attribution
    from cnnvis.model.session import Session
    from cnnvis.workflow.sources import Sources


def run_sheet(options: argparse.Namespace) -> int:
    """Explain each image by each method; a method that does not fit one is left out there and named."""
    from cnnvis.layout.explanation_sheet import explanation_sheet
    from cnnvis.workflow.asking import asked_session
    from cnnvis.workflow.explain import with_attribution

    if options.scorecard or options.measures:
        raise InvalidValue("--scorecard must go with one image and one method; compare-methods scores many.")
    kept = any(path.suffix.lower() == ".cnnvis" for path in options.output)
    terminal = Terminal()
    session, sources = asked_session(
        options.source, whole=kept, device=options.device, trust=options.trust, progress=terminal
    )
    session, found = _all(options, session, sources, _methods(options, session, sources), terminal)
    for one in found:
        session = with_attribution(session, one)
    write_all(options.output, session, lambda: explanation_sheet(session, found), options.style)
    return 0


def _methods(options: argparse.Namespace, session: Session, sources: Sources) -> list[Method]:
    from cnnvis.workflow.asking import asked_method, usual_method
    from cnnvis.workflow.compare import fitting

    if options.method == ["all"]:
        if options.set:
            raise InvalidValue("--set must go with methods that are named; got it with --method all.")
        return list(fitting(sources))
    return [asked_method(name, options.set) for name in options.method or [usual_method(session)]]


def _all(
    options: argparse.Namespace, session: Session, sources: Sources, methods: list[Method], terminal: Terminal
) -> tuple[Session, list[Attribution]]:
    """The session with the images that were opened, and the explanations, image by image."""
    from cnnvis.workflow.asking import asked_image, predicted
    from cnnvis.workflow.explain import explain, target_of

    found: list[Attribution] = []
    for text in options.image:
        session, image = asked_image(session, sources, text)
        target = target_of(session, options.target) if options.target else predicted(session, sources, image)
        for method in methods:
            terminal(0, 0, f"explaining {text} by {method.title}")
            try:
                found.append(explain(session, sources, image, target, method, progress=terminal))
            except InvalidValue as error:
                if len(methods) == 1:
                    raise
                print(f"Left out: {method.title} of {text}. {error}")
    return session, found
