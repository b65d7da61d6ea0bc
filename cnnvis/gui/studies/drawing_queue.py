"""Which neurons are drawn next, and how much there is still to do: what is looked at first, coarse before fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis.model.network import Network
from cnnvis.model.synthesis import Synthesis, Way
from cnnvis.workflow.icons import COPIES, STEPS, drawing_cost

FEW, MANY = 8, 32
"""So many neurons are finished, or sketched, at once: then it is asked anew what is looked at."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The neurons of a layer that one card shows. `rank`: 0 where it is selected, 1 where it is seen, 2 elsewhere."""

    layer: str
    units: tuple[int, ...]
    rank: int = 2

    @property
    def near(self) -> bool:
        """Whether it is selected or seen."""
        return self.rank < 2


@dataclass(frozen=True, slots=True)
class Wish:
    """Some neurons of a layer to draw in a way, coarsely or to the end. `near`: they are selected or seen."""

    layer: str
    way: Way
    units: tuple[int, ...]
    coarse: bool = False
    near: bool = True


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many neurons are sketched, or finished, of how many; and the work that is left, as `drawing_cost` counts."""

    done: int
    total: int
    left: float


def next_wish(network: Network, shelves: Sequence[Shelf], known: Synthesis, ways: Sequence[Way]) -> Wish | None:
    """What to draw next; None where all is drawn.

    What is in view is sketched, then finished, and only then the rest; first layers first, for they take least.
    """
    order = sorted(shelves, key=lambda shelf: (shelf.rank, network.index(shelf.layer)))
    for near in (True, False):
        here = [shelf for shelf in order if shelf.near == near]
        for coarse in (True, False):
            for shelf in here:
                for way in ways:
                    if _lacking(shelf, known, way, coarse):
                        return _gathered(shelf, here, known, way, coarse)
    return None


def _gathered(first: Shelf, here: Sequence[Shelf], known: Synthesis, way: Way, coarse: bool) -> Wish:
    """What one card lacks, and then other cards of its layer, as far as there is room."""
    same = [first, *(shelf for shelf in here if shelf.layer == first.layer and shelf is not first)]
    units = dict.fromkeys(unit for shelf in same for unit in _lacking(shelf, known, way, coarse))
    most = max((MANY if coarse else FEW) // (COPIES if way == "diverse" else 1), 1)
    return Wish(first.layer, way, tuple(units)[:most], coarse, first.near)


def _lacking(shelf: Shelf, known: Synthesis, way: Way, coarse: bool) -> tuple[int, ...]:
    """The neurons of a card that are not drawn yet: at all, or to the end."""
    icons, enough = known.of(shelf.layer, way), 1 if coarse else STEPS
    return tuple(unit for unit in shelf.units if icons is None or icons.drawn(unit) < enough)


def outlook(
    network: Network, shelves: Sequence[Shelf], known: Synthesis, ways: Sequence[Way], coarse: bool
) -> Outlook:
    """How far all that the cards show is sketched, or finished."""
    done, total, left, enough = 0, 0, 0.0, 1 if coarse else STEPS
    for layer in dict.fromkeys(shelf.layer for shelf in shelves):
        units = {unit for shelf in shelves if shelf.layer == layer for unit in shelf.units}
        each = drawing_cost(network, layer, coarse)
        fewest = dict.fromkeys(units, STEPS)
        for way in ways:
            icons, copies = known.of(layer, way), COPIES if way == "diverse" else 1
            for unit in units:
                steps = icons.drawn(unit) if icons is not None else 0
                fewest[unit] = min(fewest[unit], steps)
                left += each * copies * (steps < enough)
        total += len(units)
        done += sum(steps >= enough for steps in fewest.values())
    return Outlook(done, total, left)


def work_of(network: Network, wish: Wish) -> float:
    """The work of a wish, as `drawing_cost` counts."""
    copies = COPIES if wish.way == "diverse" else 1
    return drawing_cost(network, wish.layer, wish.coarse) * copies * len(wish.units)
