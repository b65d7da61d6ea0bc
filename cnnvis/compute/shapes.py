"""Which axis of a node's tensor runs over the samples and which over its units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnnvis.compute.nodes import is_torch_leaf
from cnnvis.compute.steps import PRODUCTS, Step


@dataclass(frozen=True, slots=True)
class Axes:
    """`batch`: the raw axis of the samples, None where there is none; `parts` of its rows belong to one sample
    (they are axis 0 of `shape` then). `shape`: what is left for one sample.
    """

    batch: int | None
    parts: int
    shape: tuple[int, ...]


def plain_axes(steps: Mapping[str, Step]) -> dict[str, Axes]:
    """Axes where the samples run along axis 0 of every tensor."""
    return {name: Axes(0, 1, s.shape[1:]) if s.shape else Axes(None, 1, ()) for name, s in steps.items()}


def compared_axes(two: Mapping[str, Step], three: Mapping[str, Step]) -> dict[str, Axes]:
    """Axes from runs with two and with three samples: the batch axis is the one that grows with them."""
    return {name: _compared(step.shape, three[name].shape if name in three else ()) for name, step in two.items()}


def _compared(two: tuple[int, ...], three: tuple[int, ...]) -> Axes:
    grown = [a for a, (n, m) in enumerate(zip(two, three)) if n != m]
    if len(two) != len(three) or len(grown) != 1:
        return Axes(None, 1, two)
    axis = grown[0]
    parts, rest = divmod(two[axis], 2)
    if rest or three[axis] != 3 * parts or not parts:
        return Axes(None, 1, two)
    kept = (parts,) if parts > 1 else ()
    return Axes(axis, parts, two[:axis] + kept + two[axis + 1 :])


def unit_axes(steps: Mapping[str, Step], axes: Mapping[str, Axes]) -> dict[str, int | None]:
    """For each step the axis of its units within the shape of one sample; None where it has none."""
    found: dict[str, int | None] = {}
    for name, step in steps.items():
        shape = axes[name].shape
        if axes[name].batch is None or not shape or not step.floating:
            found[name] = None
        elif step.weighted:
            found[name] = _of_weighted(step, shape)
        else:
            sources = [(axes[s].shape, found[s]) for s in step.sources]
            found[name] = _of_step(step, shape, [(s, u) for s, u in sources if u is not None], found)
    return found


def _of_weighted(step: Step, shape: tuple[int, ...]) -> int | None:
    if step.plane:
        return len(shape) - 1 - step.plane if len(shape) > step.plane else None
    if len(shape) == 1:
        return 0
    module = step.module
    if module is None or is_torch_leaf(module):
        return -1
    width = next((p.shape[0] for p in module.parameters() if p.dim() > 1), 0)
    if shape[-1] == width and shape[0] != width:
        return -1
    return 0 if len(shape) > 2 or shape[0] == width else -1


def _of_step(
    step: Step, shape: tuple[int, ...], sources: list[tuple[tuple[int, ...], int]], found: Mapping[str, int | None]
) -> int | None:
    if step.kind.lower() in PRODUCTS:
        return None
    if step.view is not None and step.view.plane in (1, 2):
        return -1 if step.view.plane == 1 else len(shape) - 1 - len(step.view.field.size)
    if len(shape) == 1:
        return 0
    straight = [found[s] for s in step.straight if found[s] is not None]
    if straight:
        return straight[0]
    for source, axis in sources:
        if shape[-1] == source[axis] and (len(shape) == 2 or shape[0] != source[axis]):
            return -1
        if shape[0] == source[axis]:
            return 0
    return -1 if len(shape) == 2 else None
