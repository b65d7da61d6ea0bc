"""Explanations of drawn scenes, of which all is known: do they lie on the thing, and on the tag that decides?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch import nn

from cnnvis.compute.attribute import batch_of_one, prepared
from cnnvis.compute.method import Learning, Method
from cnnvis.compute.methods import EVERY, GradCam, IntegratedGradients, Lime, Occlusion
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.scorecard.controls import controls
from cnnvis.compute.scorecard.localisation import placed
from cnnvis.compute.trace import trace
from cnnvis.model.attribution import Map
from cnnvis.model.comparison import SECONDS, Comparison, Interval, Line, control_title
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.model.truth import Box, Truth
from cnnvis.progress import silent
from cnnvis.sources.demo import demo, demo_scenes
from cnnvis.sources.scenes import CLASSES, Scenes, Tag

FRESH = 4_000_037  # seeds from here on are of no training, no demo and no other figure
N_CLAIMS, N_ALL, N_LEARNED = 100, 30, 300
TAGGED = "bird"
CELL = 8  # pixels between the cells of the last layer
POINTING, BY_CELL, SHARE, TIMES, OVERLAP, HOTTEST = "pointing", "by cell", "on part", "times", "box overlap", "hottest"
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shown:
    """A scene to explain for one class; `without` is its input where the tag was never put."""

    x: NDArray[np.float32]
    unit: int
    truth: Truth
    tag: Box | None = None
    without: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """Scenes of one kind with the network that sees them; `learned` is what some methods learn from."""

    title: str
    model: nn.Module
    network: Network
    shown: tuple[Shown, ...]
    learned: Scenes


def section() -> str:
    kinds = (things(N_CLAIMS), birds(N_CLAIMS), moved(N_CLAIMS))
    four = (GradCam(), IntegratedGradients(), Occlusion(), Lime())
    known = [lines(kind, four[:1] if kind is kinds[0] else four) for kind in kinds]
    parts = [_introduction(kinds), *claims(kinds, known), "", _CONTROLS]
    for kind, found in zip(kinds, known):
        few = replace(kind, shown=kind.shown[:N_ALL])
        parts += ["", f"### All methods: {few.title}", "", *table(compared(few, found))]
    return "\n".join(parts)


def things(n: int, seed: int = FRESH) -> Kind:
    """Scenes for the healthy network, each explained for its own class; the part that decides is the thing."""
    model, scenes, classes = demo("healthy", n, seed)
    found = [scenes.scene(i) for i in range(n)]
    shown = tuple(Shown(scenes[i][0], s.label, Truth(s.box, s.mask)) for i, s in enumerate(found))
    network = trace(model, scenes[0][0], classes=classes)
    return Kind("healthy, its own class", model, network, shown, demo_scenes("healthy", N_LEARNED, seed + 1))


def birds(n: int, seed: int = FRESH) -> Kind:
    """Tagged birds for the shortcut network, explained for "bird"."""
    scenes = demo_scenes("shortcut", 11 * n + 10, seed)
    wanted = (int(i) for i in np.flatnonzero(scenes.labels == CLASSES.index(TAGGED)))
    return _tagged("shortcut, tagged birds", scenes, wanted, n, seed)


def moved(n: int, seed: int = FRESH) -> Kind:
    """Other things with the tag that the shortcut network therefore calls birds, explained for "bird"."""
    scenes = Scenes(2 * n + 10, seed + 2, tag=Tag(TAGGED, share=0.0, others=1.0))
    wanted = (int(i) for i in np.flatnonzero(scenes.labels != CLASSES.index(TAGGED)))
    return _tagged("shortcut, other things with the tag", scenes, wanted, n, seed, called=True)


def _tagged(title: str, scenes: Scenes, wanted: Iterable[int], n: int, seed: int, called: bool = False) -> Kind:
    """Up to n tagged scenes; where `called` is asked for, of those that the network calls by the tag's class."""
    model, _, classes = demo("shortcut", 1)
    unit, bare = CLASSES.index(TAGGED), Scenes(scenes.n, scenes.seed)
    shown: list[Shown] = []
    for i in wanted:
        tag = scenes.scene(i).tag
        if len(shown) == n:
            break
        if tag is None or (called and int(answers(model, scenes[i][0]).argmax()) != unit):
            continue
        shown.append(Shown(scenes[i][0], unit, around(tag, scenes.size), tag, bare[i][0]))
    network = trace(model, shown[0].x, classes=classes)
    return Kind(title, model, network, tuple(shown), demo_scenes("shortcut", N_LEARNED, seed + 1))


def around(tag: Box, side: int) -> Truth:
    """The tag and one cell of the last layer on each side of it."""
    box = (max(tag[0] - CELL, 0), max(tag[1] - CELL, 0), min(tag[2] + CELL, side), min(tag[3] + CELL, side))
    part = np.zeros((side, side), np.bool_)
    part[box[0] : box[2], box[1] : box[3]] = True
    return Truth(box, part, "the tag")


def answers(model: nn.Module, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        found: NDArray[np.float32] = model(torch.from_numpy(x)[None])[0].numpy()
    return found


# -- what is measured ----------------------------------------------------------------------------------------------


def measured(kind: Kind, method: Method, with_controls: bool = False) -> tuple[Line, list[Line]]:
    """A method's scores on all scenes, and those of the controls beside it where they are asked for."""
    own: list[dict[str, float]] = []
    beside: dict[str, list[dict[str, float]]] = {}
    ready: dict[int, Method] = {}
    with probe(kind.model, kind.network) as opened:
        for place, shown in enumerate(kind.shown):
            target = Target(kind.network.output, (shown.unit,))
            if shown.unit not in ready:
                ready[shown.unit] = _ready(kind, opened, method, target)
            start = time.perf_counter()
            evidence = ready[shown.unit](opened, batch_of_one(shown.x), target, silent)
            took = time.perf_counter() - start
            assert isinstance(evidence, Map)
            own.append(scores(evidence.values, shown, evidence.facts) | {SECONDS: took})
            if with_controls:
                maps = controls(evidence.values.astype(np.float64), torch.from_numpy(shown.x)[None], place)
                for name, values in maps.items():
                    beside.setdefault(name, []).append(scores(values, shown, {}))
    return _line(method.title, own), [_line(control_title(n), found, True) for n, found in beside.items()]


def scores(values: NDArray[Any], shown: Shown, facts: Mapping[str, Any]) -> dict[str, float]:
    """How a map stands to the truth."""
    values = values.astype(np.float64)
    found = placed(values, shown.truth)
    by_cell = placed(uniform_filter(values, CELL, mode="constant"), shown.truth)[POINTING]
    more = {BY_CELL: by_cell, TIMES: found[SHARE] / float(shown.truth.part.mean())}
    if shown.tag is not None and "hottest" in facts:
        one, other = facts["hottest"], shown.tag
        meet = all(one[k] < other[k + 2] and other[k] < one[k + 2] for k in (0, 1))
        more[HOTTEST] = float(meet)
    return {**found, **more}


def _ready(kind: Kind, opened: Probe, method: Method, target: Target) -> Method:
    if not isinstance(method, Learning):
        return method
    return prepared(opened, method, target, kind.learned, None, silent)


def _line(title: str, found: Sequence[dict[str, float]], control: bool = False) -> Line:
    names = dict.fromkeys(name for one in found for name in one)
    return Line(title, {n: np.array([one.get(n, np.nan) for one in found]) for n in names}, control)


def lines(kind: Kind, methods: Sequence[Method]) -> tuple[Line, ...]:
    """The scores of methods, and of the controls beside the first."""
    own: list[Line] = []
    beside: list[Line] = []
    for method in methods:
        line, more = measured(kind, method, with_controls=not own)
        own, beside = [*own, line], beside or more
        print(f"{kind.title}: {method.title}", flush=True)
    return (*own, *beside)


def compared(kind: Kind, known: Sequence[Line]) -> Comparison:
    """All methods that explain pictures, and the controls; what is `known` of more scenes is not measured again."""
    methods = [m() for m in EVERY if m.takes == "picture" and m.family != "synthesis"]
    n = len(kind.shown)
    have = {line.title: replace(line, scores={k: v[:n] for k, v in line.scores.items()}) for line in known}
    rest = {line.title: line for line in lines(kind, [m for m in methods if m.title not in have])}
    found = rest | have
    return _comparison(kind, [*(found[m.title] for m in methods), *(x for x in found.values() if x.control)])


def _comparison(kind: Kind, found: Sequence[Line]) -> Comparison:
    names = tuple(str(i) for i in range(len(kind.shown)))
    return Comparison(kind.title, names, np.ones(len(names), np.bool_), tuple(found))


# -- what is written -----------------------------------------------------------------------------------------------


def _introduction(kinds: Sequence[Kind]) -> str:
    counts = [len(kind.shown) for kind in kinds]
    still, share = zip(*(tag_alone(kind) for kind in kinds[1:]))
    area = float(np.mean([shown.truth.part.mean() for shown in kinds[1].shown]))
    return (
        "## Pictures: the thing, and the tag that decides\n\n"
        f"Scenes of the demo that no training saw, seed {FRESH}: {counts[0]} of all classes for *healthy*, explained "
        f"for their own class; for *shortcut*, which learned that a yellow tag means a bird, {counts[1]} tagged birds "
        f"and {counts[2]} other things that it calls birds because of a tag, both explained for “bird”. The place to "
        f"find is the thing's box, or the tag with {CELL} pixels around it, one cell of the last layer, a tenth of the "
        "picture. All methods with the parameters they come with; seconds on a busy machine.\n\n"
        f"What the tag really does, by the same scenes without it: of the birds {still[0]:.0%} are still called birds, "
        f"and the tag makes {share[0]:.0%} of the rise of their logit above that of an empty picture, the bird the "
        f"rest; of the other things {still[1]:.0%} are called birds without it, and it makes {share[1]:.0%} of the "
        "rise. Evidence shared out in that way would come to "
        f"{share[0] / area:.1f} times the area on birds and {share[1] / area:.1f} times on other things. For methods "
        "that give every pixel a value of its own, the window of one cell with the most evidence stands beside the "
        "maximum; that is our figure and was not asked for.\n"
    )


def tag_alone(kind: Kind) -> tuple[float, float]:
    """How many are called by the class without the tag, and the tag's share of the logit above an empty picture's."""
    called, shares = [], []
    for shown in kind.shown:
        assert shown.without is not None
        inputs = (shown.x, shown.without, np.zeros_like(shown.x))
        whole, without, empty = (answers(kind.model, x) for x in inputs)
        called.append(int(without.argmax()) == shown.unit)
        shares.append(float((whole - without)[shown.unit] / (whole - empty)[shown.unit]))
    return float(np.mean(called)), float(np.mean(shares))


def claims(kinds: Sequence[Kind], known: Sequence[Sequence[Line]]) -> Iterator[str]:
    """The rows of what is asked of some methods, with the best that a control scores."""
    yield "| scenes | method | what | found (95 %) | asked | | best control |"
    yield "|---|---|---|---|---|---|---|"
    for kind, found in zip(kinds, known):
        comparison = _comparison(kind, found)
        for line in comparison.methods:
            asked: dict[str, float | None] = {POINTING: 0.9}
            if kind is not kinds[0]:
                asked |= {BY_CELL: None, TIMES: 5.0, HOTTEST: 0.95}
            for name, least in asked.items():
                if name in line.scores:
                    yield _claim(comparison, line, name, least)


_CONTROLS = (
    "Where a control that knows nothing of the network scores as well, the figure says little: things lie near the "
    "middle of their scenes and a box holds much of the picture, so pointing at the thing is easy. Tags lie in corners."
)
_SAID = {
    POINTING: "the maximum lies there",
    BY_CELL: "so does the window of one cell with the most evidence",
    TIMES: "share of the evidence ÷ share of the area",
    HOTTEST: "the hottest box hits the tag",
}


def _claim(comparison: Comparison, line: Line, name: str, least: float | None) -> str:
    shown = _number if name == TIMES else _percent
    found = comparison.interval(line, name)
    asked, verdict = "", ""
    if least is not None:
        asked, verdict = f"≥ {_bare(least, name)}", "met" if found.mean >= least else "**missed**"
    others = [other for other in comparison.lines if other.control and name in other.scores]
    best = max(others, key=lambda other: float(other.scores[name].mean()), default=None)
    control = "" if best is None else f"{_title(best)}, {_bare(float(best.scores[name].mean()), name)}"
    cells = (comparison.network, line.title, _SAID[name], shown(found), asked, verdict, control)
    return f"| {' | '.join(cells)} |"


def _title(control: Line) -> str:
    return control.title.removeprefix("control: ")


def _bare(value: float, name: str) -> str:
    return f"{value:.3g}" if name == TIMES else f"{value:.0%}"


def _percent(found: Interval) -> str:
    return f"{found.mean:.0%} ({found.low:.0%}–{found.high:.0%})"


def _number(found: Interval) -> str:
    return f"{found.mean:.2f} ({found.low:.2f}–{found.high:.2f})"


def table(comparison: Comparison) -> Iterator[str]:
    """A line a method, the controls last."""
    yield f"{len(comparison.images)} scenes, mean (95 % interval by bootstrap); controls know nothing of the network."
    yield ""
    yield "| method | pointing game | by cell | box overlap | evidence on it | ÷ area | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for line in comparison.lines:
        ask = [comparison.interval(line, name) for name in (POINTING, BY_CELL, OVERLAP, SHARE, TIMES)]
        took = line.scores.get(SECONDS)
        seconds = "" if took is None else f"{np.median(took):.2g}"
        cells = [_percent(ask[0]), _percent(ask[1]), _number(ask[2]), _percent(ask[3]), _number(ask[4]), seconds]
        title = f"*{_title(line)}*" if line.control else line.title
        yield f"| {title} | {' | '.join(cells)} |"
