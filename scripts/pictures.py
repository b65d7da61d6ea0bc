"""Makes the pictures of the README and the guide from the demo: docs/pictures/*.png. Runs without a display."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from cnnvis.gui.app import make_application, open_window
from cnnvis.gui.places import Places
from cnnvis.gui.services import Workflow
from cnnvis.layout.compose import draw
from cnnvis.model.session import Session
from cnnvis.painting.figure import export
from cnnvis.storage.archive import save
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.demo import demo_job

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"


def window(session: Session, theme: str, path: Path) -> None:
    """A screenshot of the window with the largest cluster of the last stage selected."""
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = open_window(Workflow(), Places(home / "config", home / "state", home / "log"))
        found.choose_theme(theme)  # type: ignore[arg-type]
        found.resize(1440, 900)
        found.show()
        found.controller.open(save(session, home / "demo.cnnvis"))

        def settle(seconds: float) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end or found.controller.diagram is None:
                application.processEvents()
                time.sleep(0.01)

        settle(2.0)
        layer = session.analysis.groups[3].representative
        largest = max(session.analysis.clusters[layer], key=len)
        found.controller.choose(("cluster", layer, largest.id))
        settle(2.0)
        found.grab().save(str(path))
        found.close()
        application.processEvents()


def main() -> None:
    """Analyse the demo and write all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    session = analyze(demo_job("healthy"))
    make_application()
    export(draw(session), PICTURES / "demo.png", style="double-column", dpi=220)
    for theme in ("light", "dark"):
        window(session, theme, PICTURES / f"window-{theme}.png")
    for path in sorted(PICTURES.glob("*.png")):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
