"""The history of a document as a Python script that does the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnnvis.model.document import Document, Step


def script(document: Document, source: str, target: str) -> str:
    """Lines that load the session file `source`, redo all steps up to the present one, and save to `target`.

    Steps that the file holds already, because it was saved after them, stand there as comments. Where the file holds
    another state (never saved, or saved before an undo), all steps are redone and a comment says from where.
    """
    saved = document.saved_index
    n_held = saved if saved is not None and saved <= document.index else 0
    steps = document.history[1 : document.index + 1]
    held, todo = steps[:n_held], steps[n_held:]
    lines = [
        f'"""{_counted(len(todo))} by hand."""',
        "",
        "import cnnvis as cv",
        "",
        *(["# The session as it was before these steps"] if saved != n_held else []),
        f"session = cv.load({source!r})",
        "analysis, activations = session.analysis, session.activations",
    ]
    if held:
        lines += ["", "# The file holds these already:", *(f"# {step.python}" for step in held if step.python)]
    opened = _opened(document, n_held)
    if opened:
        lines += ["", "# Layers that were opened", f"analysis = cv.open_layers(analysis, activations, {opened})"]
    for step in todo:
        label = " ".join(step.label.split())
        lines += ["", f"# {label[:1].upper()}{label[1:]}", step.python]
    lines += ["", f"cv.save(session.with_analysis(analysis), {target!r})", ""]
    return "\n".join(lines)


def _counted(n: int) -> str:
    return f"{n} step" if n == 1 else f"{n} steps"


def _opened(document: Document, first: int) -> list[str]:
    """The layers that the steps change but the file may lack: they are clustered when they are opened."""
    steps: Sequence[Step] = document.history[first : document.index + 1]
    shown = {group.representative for group in steps[0].analysis.groups}
    changed = {
        layer
        for before, after in pairwise(steps)
        for layer in after.analysis.clusters
        if after.analysis.clusters[layer] is not before.analysis.clusters.get(layer)
    }
    return sorted(changed - shown, key=document.analysis.network.index)
