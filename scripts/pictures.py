"""Makes the pictures of the README from the demo: docs/pictures/*.png. Runs without a display."""

from __future__ import annotations

from few_colours import shrink
from tour import PICTURES, Tour, tour

from cnnvis.layout.compose import draw
from cnnvis.painting.figure import export


def largest(found: Tour) -> tuple[str, str, int]:
    """The card of the largest cluster of the last stage."""
    layer = found.session.analysis.groups[3].representative
    cluster = max(found.session.analysis.clusters[layer], key=len)
    return ("cluster", layer, cluster.id)


def main() -> None:
    """Analyse the demo in the window and write all pictures."""
    with tour() as found:
        found.do("demo", "healthy")
        shrink(export(draw(found.session), PICTURES / "demo.png", style="double-column", dpi=220, view=False))
        found.choose(largest(found))
        found.do("facet_contribution")
        found.do("knock_out")
        found.shot("window-knock-out")
        found.window.choose_theme("dark")
        found.do("facet_activations")
        found.do("matrix")
        found.shot("window-dark")
    for path in sorted(PICTURES.glob("*.png")):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
