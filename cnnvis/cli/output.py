"""What the commands that explain write: figures, and sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnvis.layout.diagram import Diagram
    from cnnvis.model.session import Session


def write_all(paths: Sequence[Path], session: Session, drawn: Callable[[], Diagram], style: str) -> None:
    """Write the session to each .cnnvis and what is drawn to each figure, and name them.

    A figure carries its view where the session has been read, so that it can be opened again.
    """
    from cnnvis.painting.figure import export
    from cnnvis.storage.archive import save

    for path in paths:
        if path.suffix.lower() == ".cnnvis":
            save(session, path)
        else:
            export(drawn(), path, style=style, caption=True, view=session.activations is not None)
    print("Written " + ", ".join(map(str, paths)))
