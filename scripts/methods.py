"""Makes the pictures of docs/methods.md, and one of the README: each explanation method on scenes of the demo.

Everything is drawn as the window draws it. `python scripts/methods.py NAME …` makes some pictures, without names all.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import torch
from few_colours import few
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import cnnvis as cv
from cnnvis import methods
from cnnvis.compute.method import Family, Method
from cnnvis.layout.comparison import comparison_diagram
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.displays import Setting
from cnnvis.layout.explanation import explanations
from cnnvis.layout.explanation_sheet import explanation_sheet
from cnnvis.layout.waterfall import waterfall_diagram
from cnnvis.layout.weight_maps import weight_diagram
from cnnvis.model.attribution import Attribution
from cnnvis.model.dataset import Dataset
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.sources.tables import TableData
from cnnvis.workflow.analyze import analyze, bare
from cnnvis.workflow.compare import compare
from cnnvis.workflow.demo import demo_job
from cnnvis.workflow.explain import target_of, with_attribution
from cnnvis.workflow.sources import open_sources

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
MM = 25.4 / 96
WIDTH = 820 * MM
"""As wide as a document is shown."""
SIDE = 144.0
"""Of an image and its map, in pixels."""
SMALL = 60_000
"""Bytes."""
LARGE = 400_000
"""Pixels of a picture that is half as fine again as it is shown in any case."""
FINE = (192, 144)
"""Twice as fine as a picture is shown, and half as fine again."""
COLOURS = (256, 192, 144)
"""With fewer the colours of classes are no longer told apart."""
ROW = 3


@dataclass(frozen=True, eq=False)
class Stage:
    """A network, what it is asked about, and what that is called in the pictures."""

    model: nn.Module
    session: Session
    data: Dataset
    index: int
    target: Target
    called: str

    def ask(self, method: Method, target: Target | None = None) -> Attribution:
        network, sample = self.session.analysis.network, self.data[self.index]
        return cv.attribute(
            self.model, network, sample, target or self.target, method, image=self.called, data=self.data
        )


# What is asked about


@cache
def scene(network: str, index: int, class_name: str, called: str) -> Stage:
    """One scene of the demo."""
    job = demo_job(network)
    sources = open_sources(job)
    traced = cv.trace(sources.model, sources.data[0][0], classes=sources.data.classes)
    session = bare(job, traced)
    return Stage(sources.model, session, sources.data, index, target_of(session, class_name), called)


def healthy() -> Stage:
    return scene("healthy", 24, "boat", "healthy: a boat")


def shortcut() -> Stage:
    return scene("shortcut", 144, "bird", "shortcut: a bird")


@cache
def table() -> Stage:
    """A small network that tells benign from malignant by ten measurements, and one row of them."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    values, names = found.data[:, :10], tuple(str(n).removeprefix("mean ") for n in found.feature_names[:10])
    rows = np.arange(len(values))
    data = TableData(
        values, found.target, ("malignant", "benign"), names, values.mean(0), values.std(0), rows
    )
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 2))
    inputs = torch.tensor(((values - data.mean) / data.std).astype(np.float32))
    labels = torch.tensor(found.target)
    step = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1e-3)
    for _ in range(300):
        step.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        step.step()
    network = cv.trace(model.eval(), data[0][0], classes=data.classes)
    session = bare(demo_job(), network)
    return Stage(model, session, data, ROW, target_of(session, "malignant"), f"row {ROW}")


# How it is drawn


def beside(parts: Sequence[Diagram]) -> Diagram:
    """Diagrams side by side, their cards of one height."""
    high = max(card.box.h for part in parts for card in part.cards)
    cards, left = [], 0.0
    for k, part in enumerate(parts):
        for card in part.cards:
            box = replace(card.box, x=card.box.x + left, h=high)
            cards.append(replace(card, key=(*card.key, k), box=box, face=replace(card.face, h=high)))
        left += part.width - 4.0
    return Diagram((), tuple(cards), (), left + 4.0, parts[0].height)


def pictured(stage: Stage, found: Sequence[Attribution], setting: Setting | None = None) -> Diagram:
    pictures: dict[str, NDArray[np.uint8]] = {}
    if stage.data.kind == "images":
        pictures[stage.called] = stage.data.picture(stage.index)
    return explanations(stage.session, found, setting or Setting(side=SIDE), images=pictures).diagram


def maps(method: Method, called: str = "") -> Diagram:
    """A scene of each network with its map."""
    called = called or method.title
    stages = (healthy(), shortcut())
    return beside([pictured(stage, [replace(stage.ask(method), method=called)]) for stage in stages])


def sheet(*families: Family) -> Diagram:
    """All methods of some families that give maps, for three scenes."""
    kinds = [kind for kind in methods.EVERY if kind.family in families and kind.takes == "picture"]
    stages = (healthy(), scene("healthy", 10, "car", "healthy: a car"), shortcut())
    stages = tuple(replace(stage, called=stage.called.split(":")[0] + f" {stage.index}") for stage in stages)
    pictures = {stage.called: stage.data.picture(stage.index) for stage in stages}
    found = [stage.ask(kind()) for stage in stages for kind in kinds]
    return explanation_sheet(stages[0].session, found, images=pictures)


def why() -> Diagram:
    """One scene by several methods."""
    stage = shortcut()
    several = (methods.GradCam(), methods.Occlusion(), methods.Lime(), methods.SmoothGrad())
    return pictured(stage, [stage.ask(method) for method in several])


def bars(several: Mapping[str, Method]) -> Diagram:
    """Bars of a row's features, one card for each method, with its title."""
    stage = table()
    found = [replace(stage.ask(method), method=t) for t, method in several.items()]
    return beside([pictured(stage, [one], Setting(side=376.0)) for one in found])


def votes() -> Diagram:
    stage = healthy()
    return waterfall_diagram(stage.session, stage.ask(methods.Votes()))


def weights() -> Diagram:
    stage = healthy()
    return weight_diagram(stage.session, stage.ask(methods.WeightImportance()), "stem.conv.weight", 8)


@cache
def analysed(network: str, per_class: int = 30) -> Session:
    """A demo with its clusters and edges."""
    return analyze(demo_job(network), per_class=per_class)


def path(method: Method) -> Diagram:
    """A path laid over the picture of the network."""
    found, session = healthy().ask(method), analysed("healthy")
    session = with_attribution(session, found)
    look = replace(session.look, path=found.key, facet="activations")
    return cv.draw(session, look=look)


def together() -> Diagram:
    """Birds of the shortcut demo as one, and the kinds of maps there are of them."""
    session = analysed("shortcut", 50)
    return cv.together_diagram(session, cv.explain_group(session, open_sources(demo_job("shortcut")), "bird"))


def compared() -> Diagram:
    """Some methods over a few images of the shortcut demo, where the truth is known."""
    stage = shortcut()
    several = (methods.GradCam, methods.EigenCam, methods.Saliency, methods.IntegratedGradients,
               methods.GuidedBackprop, methods.Occlusion)  # fmt: skip
    found = compare(
        open_sources(demo_job("shortcut")),
        stage.session.analysis.network,
        n_images=10,
        methods=[kind() for kind in several],
        measures=("localisation", "deletion", "randomisation"),
    )
    return comparison_diagram(found)


def drawn() -> Diagram:
    """Images for neurons of three depths, and for a class."""
    stage, setting = healthy(), Setting(side=176.0)
    method = methods.FeatureVisualization()
    network = stage.session.analysis.network
    asked = [Target("stage1.1.relu2", (5,)), Target("stage2.1.relu2", (7,)), Target("stage3.1.relu2", (12,))]
    found = [stage.ask(method, target) for target in (*asked, Target(network.output, (4,)))]
    return pictured(stage, [replace(one, image="") for one in found], setting)


def exaggerated() -> Diagram:
    """What three depths make of a scene."""
    stage = healthy()
    depths = {f"Caricature: stage {k}": f"stage{k}.1.relu2" for k in (1, 2, 3)}
    found = [replace(stage.ask(methods.Caricature(layer)), method=title) for title, layer in depths.items()]
    return pictured(stage, found)


def parts() -> Diagram:
    """What one layer sees in a scene."""
    stage = healthy()
    return pictured(stage, [stage.ask(methods.ActivationGrid("stage2.1.relu2", parts=4))], Setting(side=300.0))


MAKES: dict[str, Callable[[], Diagram]] = {
    "why-this-class": why,
    "method-sheet-coarse": lambda: sheet("activation maps"),
    "method-sheet-fine": lambda: sheet("gradients", "perturbation"),
    "method-grad-cam": lambda: maps(methods.GradCam()),
    "method-hi-res-cam": lambda: maps(methods.HiResCam("stage2.1.relu2")),
    "method-grad-cam-plus-plus": lambda: maps(methods.GradCamPlusPlus()),
    "method-layer-cam": lambda: maps(methods.LayerCam("stage1.1.relu2")),
    "method-score-cam": lambda: maps(methods.ScoreCam()),
    "method-eigen-cam": lambda: maps(methods.EigenCam()),
    "method-cam": lambda: maps(methods.Cam()),
    "method-fitted-cam": lambda: maps(methods.FittedCam("stage2.1.relu2")),
    "method-soft-attention": lambda: maps(methods.SoftAttention()),
    "method-saliency": lambda: maps(methods.Saliency()),
    "method-gradient-times-input": lambda: maps(methods.GradientTimesInput()),
    "method-smooth-grad": lambda: maps(methods.SmoothGrad()),
    "method-integrated-gradients": lambda: maps(methods.IntegratedGradients()),
    "method-guided-backprop": lambda: maps(methods.GuidedBackprop(), "Guided backprop"),
    "method-guided-grad-cam": lambda: maps(methods.GuidedGradCam()),
    "method-input-importance": lambda: bars({
        "Input importance: slopes": methods.InputImportance(),
        "Input importance: integrated": methods.InputImportance(way="integrated"),
    }),
    "method-occlusion": lambda: maps(methods.Occlusion()),
    "method-lime": lambda: maps(methods.Lime()),
    "method-lime-table": lambda: bars({
        f"LIME for tables: seed {seed}": methods.LimeTable(500, n_features=5, seed=seed) for seed in (0, 1)
    }),
    "method-dlime": lambda: bars({
        f"DLIME: {n} clusters": methods.Dlime(n, n_features=5) for n in (2, 6)
    }),
    "method-dlime-as-published": lambda: bars({
        one.title: one for one in (methods.DlimeAsPublished(), methods.Dlime())
    }),
    "method-votes": votes,
    "method-weight-importance": weights,
    "method-connection-weights": lambda: bars({
        "Connection weights: Olden": methods.ConnectionWeights(),
        "Connection weights: Garson": methods.ConnectionWeights(rule="garson"),
    }),
    "method-critical-path": lambda: path(methods.CriticalPath()),
    "method-neuron-mct": lambda: path(methods.NeuronMct()),
    "method-feature-visualization": drawn,
    "method-caricature": exaggerated,
    "method-activation-grid": parts,
    "method-together": together,
    "method-scorecard": compared,
}  # fmt: skip


def write(name: str, diagram: Diagram) -> Path:
    """The picture as finely and in as many colours as fit into a small file."""
    file = PICTURES / f"{name}.png"
    width = min(diagram.width * MM, WIDTH)
    for dpi in FINE if diagram.width * diagram.height <= LARGE else FINE[1:]:
        cv.export(diagram, file, width_mm=width, dpi=dpi, legend=False, caption=False, view=False)
        with Image.open(file) as image:
            whole = image.convert("RGB")
        for n in COLOURS:
            few(whole, n).save(file, optimize=True, dpi=(dpi, dpi))
            if file.stat().st_size < SMALL:
                return file
    few(whole, COLOURS[0]).save(file, optimize=True, dpi=(dpi, dpi))  # rather large than with steps in its colours
    return file


def main(names: Sequence[str] = ()) -> None:
    """Make some pictures, or all."""
    for name, make in MAKES.items():
        if not names or name.removeprefix("method-") in names:
            file = write(name, make())
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)


def parsed(arguments: Sequence[str] | None = None) -> list[str]:
    parser = argparse.ArgumentParser(description="Make the pictures of docs/methods.md.")
    known = [name.removeprefix("method-") for name in MAKES]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(known)}; default: all")
    names: list[str] = parser.parse_args(arguments).names
    if unknown := set(names) - set(known):
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main(parsed())
