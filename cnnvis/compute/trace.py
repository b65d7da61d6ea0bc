"""A network as a graph, found by one concrete run."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from cnnvis.compute.arguments import arguments
from cnnvis.compute.borrow import borrowed
from cnnvis.compute.flow import Flow, Watcher
from cnnvis.compute.folding import Folding, folded
from cnnvis.compute.nodes import call_name, primary, tensors, unwrapped
from cnnvis.compute.passes import failure, is_out_of_memory
from cnnvis.compute.shapes import Axes, compared_axes, plain_axes, unit_axes
from cnnvis.compute.steps import Step
from cnnvis.errors import CnnvisError, InvalidValue, UnknownName, did_you_mean
from cnnvis.model.network import Edge, Layer, Network, Role
from cnnvis.progress import Progress, silent


def trace(
    model: nn.Module,
    example: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    output: str | int | None = None,
    also: Sequence[Any] = (),
    progress: Progress = silent,
) -> Network:
    """The graph of a network: one node per leaf module's call and functional operation, in the order they ran.

    example: one input without batch axis (tensor or array), or a tuple or dict of several for a network with several
    inputs. classes: the names of the outputs (default `class 0`, …). output: the key or index of the class scores,
    where the network returns several tensors; default the first with one row of numbers per sample. A softmax or
    sigmoid at the end is a layer of its own: the network's `output` is the one that holds the logits. also: further
    examples; where they take other ways, the graph is the union of all. Costs about one forward pass of one sample,
    and two more of two and three samples where samples do not run along the first axis everywhere. Afterwards the
    model is as it was.

    Raises ModelFailure where the network cannot run on the example, InvalidValue where `classes` or `output` do not
    fit or the output does not depend on the input, and what `progress` raises.
    """
    network = unwrapped(model)
    title = name or type(network).__name__
    with borrowed(network):
        runs = [_watched(network, one, title, progress) for one in (example, *also)]
    logits = _logits(runs[0], output, title)
    steps = runs[0].flow.steps if len(runs) == 1 else _union([run.flow.steps for run in runs], title)
    axes = {name: a for run in reversed(runs) for name, a in run.axes.items()}
    ends = frozenset(end for run in runs for end in run.flow.ends) | {logits}
    folding = folded(steps, ends, logits)
    layers = _layers(folding, axes)
    edges = tuple(Edge(source, step.name) for step in folding.steps.values() for source in step.sources)
    host = folding.hosts.get(logits, logits)
    names = _classes(classes, next(x for x in layers if x.name == host), title)
    shapes = {tuple(sorted((n, *s.sources) for n, s in run.flow.steps.items())) for run in runs}
    varies = len(shapes) > 1 or any(run.flow.reads_values for run in runs)
    return Network(title, layers, edges, names, host, varies)


# -- running -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    flow: Flow
    axes: dict[str, Axes]


def _watched(model: nn.Module, example: Any, title: str, progress: Progress) -> _Run:
    """A watched run with one sample; with two and three where one does not tell which axis runs over samples."""
    single = arguments(example, model)
    names = _input_names(model, len(single.tensors))

    def watch(n: int) -> Flow:
        return Watcher(model, single.repeated(n), names, progress).watch()

    first: Flow | None = None
    problem: Exception | None = None
    try:
        first = watch(1)
        if not first.odd_axes:
            return _Run(first, plain_axes(first.steps))
    except Exception as error:  # noqa: BLE001 - whatever the user's network raises; some need two samples
        _let_pass(error)
        problem = error
    try:
        two, three = watch(2), watch(3)
        return _Run(two, compared_axes(two.steps, three.steps))
    except Exception as error:  # noqa: BLE001 - as above
        _let_pass(error)
        if first is not None:
            return _Run(first, plain_axes(first.steps))
        raise failure(title, single.repeated(1), problem or error) from (problem or error)


def _let_pass(error: Exception) -> None:
    """Raises again what is not the network's own failure."""
    if isinstance(error, CnnvisError) or is_out_of_memory(error):
        raise error


def _input_names(model: nn.Module, n: int) -> tuple[str, ...]:
    taken = any(path == "input" for path, _ in model.named_modules())
    return tuple(call_name("/input" if taken else "input", i) for i in range(n))


# -- output ------------------------------------------------------------------------------------------------------------


def _logits(run: _Run, key: str | int | None, title: str) -> str:
    """The node whose value is the network's class scores before any softmax."""
    flow = run.flow
    chosen = _chosen(flow.output, key, title)
    trail = flow.trails.get(chosen)
    if trail is None or not trail.nodes:
        raise InvalidValue(
            f"The output of {title} must depend on its input; no path leads there. Keep data in tensors inside forward."
        )
    name = trail.nodes[-1]
    move = flow.moves.get(trail.via)
    if not trail.direct and move is not None and math.prod(move.shape) != math.prod(flow.steps[name].shape):
        move.promoted = True  # the network returns a part of a value: that part is a layer of its own
        flow.steps[move.name] = move
        run.axes[move.name] = Axes(0, 1, move.shape[1:])
        return move.name
    while (flow.steps[name].final or flow.steps[name].untouched) and len(flow.steps[name].sources) == 1:
        name = flow.steps[name].sources[0]
    return name


def _chosen(output: Any, key: str | int | None, title: str) -> Tensor:
    """The tensor of class scores among what the network returns."""
    if key is not None:
        return _picked(output, key, title)
    if isinstance(output, Tensor):
        return output
    rows = [t for t in tensors(output) if t.is_floating_point() and t.dim() == 2]
    if not rows:
        raise InvalidValue(
            f"{title} must return a tensor with one row of class scores per image; got {_described(output)}. "
            "Name the one that holds them: trace(..., output=…)."
        )
    return rows[0]


def _picked(output: Any, key: str | int, title: str) -> Tensor:
    part: Any = None
    listed = isinstance(key, int) and isinstance(output, (tuple, list)) and -len(output) <= key < len(output)
    if listed or (isinstance(output, Mapping) and key in output):
        part = output[key]
    elif isinstance(key, str):
        part = getattr(output, key, None)
    found = primary(part)
    if found is None:
        known = [str(k) for k in output] if isinstance(output, Mapping) else []
        raise UnknownName(
            f"The output of {title} must be one that it returns; got {key!r}, it returns {_described(output)}. "
            f"{did_you_mean(str(key), known)}".rstrip()
        )
    return found


def _described(output: Any) -> str:
    if isinstance(output, Mapping):
        return "a dict of " + ", ".join(repr(k) for k in output)
    shapes = ", ".join(str(tuple(t.shape)) for t in tensors(output))
    return f"{type(output).__name__} of shapes {shapes}" if shapes else type(output).__name__


def _classes(classes: Sequence[str] | None, layer: Layer, title: str) -> tuple[str, ...]:
    if classes is None:
        return tuple(f"class {i}" for i in range(layer.n_units))
    if len(classes) != layer.n_units:
        raise InvalidValue(
            f"Classes of {title} must be as many as the {layer.n_units} units of its output {layer.name}; "
            f"got {len(classes)}. Give one name for each output, in their order."
        )
    return tuple(str(c) for c in classes)


# -- graph -------------------------------------------------------------------------------------------------------------


def _union(runs: Sequence[Mapping[str, Step]], title: str) -> dict[str, Step]:
    """The steps of all runs with all their sources, in topological order, as near as may be to the order they ran."""
    merged: dict[str, Step] = {}
    for steps in runs:
        for name, step in steps.items():
            known = merged.get(name)
            sources = tuple(dict.fromkeys((*known.sources, *step.sources))) if known else step.sources
            merged[name] = replace(known or step, sources=sources, direct=step.direct and (known or step).direct)
    order = list(_sorted(merged))
    if len(order) < len(merged):
        raise InvalidValue(f"Examples of {title} must fit into one graph; their ways form a cycle. Trace each alone.")
    return {name: merged[name] for name in order}


def _sorted(steps: Mapping[str, Step]) -> Iterator[str]:
    place = {name: i for i, name in enumerate(steps)}
    names = list(steps)
    waiting = {name: len(step.sources) for name, step in steps.items()}
    readers: dict[str, list[str]] = {name: [] for name in steps}
    for name, step in steps.items():
        for source in step.sources:
            readers[source].append(name)
    ready = [place[name] for name, n in waiting.items() if not n]
    while ready:
        name = names[heapq.heappop(ready)]
        yield name
        for reader in readers[name]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, place[reader])


def _layers(folding: Folding, axes: Mapping[str, Axes]) -> tuple[Layer, ...]:
    steps = folding.steps
    units = unit_axes(steps, axes)
    rectified: dict[str, bool] = {}
    for name, step in steps.items():
        hands_on = (step.keeps_sign or step.untouched) and bool(step.sources)
        rectified[name] = step.rectifies or (hands_on and all(rectified[s] for s in step.sources))
    return tuple(_layer(name, folding, axes[name], units[name], rectified) for name in steps)


def _layer(name: str, folding: Folding, axes: Axes, unit_axis: int | None, rectified: Mapping[str, bool]) -> Layer:
    step, folds = folding.steps[name], folding.folds.get(name, ())
    own = sum(folding.steps[n].parameters for n in (name, *folds))
    return Layer(
        name,
        step.kind,
        axes.shape,
        role=_role(name, folding),
        unit_axis=unit_axis,
        n_units=0 if unit_axis is None else axes.shape[unit_axis],
        parameters=0 if name in folding.hosts else own,  # counted with its host
        stride=step.stride,
        kernel=step.kernel,
        folds=folds,
        source=step.owner,
        rectified=rectified[folds[-1] if folds else name],
        field=None if step.view is None else step.view.field,
        batch_axis=axes.batch,
        parts=axes.parts,
    )


def _role(name: str, folding: Folding) -> Role:
    if name in folding.hosts:
        return "folded"
    if folding.steps[name].kind == "input" and not folding.steps[name].sources:
        return "input"
    return "compute" if folding.steps[name].weighted else "structural"
