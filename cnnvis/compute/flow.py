"""One concrete run of a network, watched: which steps it takes and from where each one gets its data.

Data are followed by the identity of tensors, which are never kept alive for it. A step that overwrites its input
becomes the newest origin of every tensor that shares its memory.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnvis.compute import fields
from cnnvis.compute.arguments import Arguments
from cnnvis.compute.borrow import version
from cnnvis.compute.fields import View
from cnnvis.compute.nodes import (
    READERS,
    call_name,
    class_of,
    is_leaf,
    is_torch_leaf,
    kind_of,
    operation,
    primary,
    tensors,
    with_primary,
)
from cnnvis.compute.steps import (
    CREATING,
    ORDERED,
    PASSING,
    UNMOVED,
    Step,
    is_weighted_module,
    is_weighted_step,
    module_rectifies,
    step_rectifies,
)
from cnnvis.compute.windows import behind_module, behind_move, behind_step, module_window, step_window
from cnnvis.progress import Progress


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the data in a tensor came from. `via`: the last operation that only moved them."""

    nodes: tuple[str, ...] = ()
    direct: bool = False  # the very output of a node
    ordered: bool = False  # its axes lie as in that output
    view: View | None = None
    weights: tuple[nn.Parameter, ...] = ()
    via: str = ""


class Trails:
    """The trail of each living tensor."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Tensor], Trail]] = {}
        self._memory: defaultdict[int, list[weakref.ref[Tensor]]] = defaultdict(list)

    def get(self, tensor: Tensor) -> Trail | None:
        entry = self._found.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def put(self, tensor: Tensor, trail: Trail) -> None:
        ref = weakref.ref(tensor)
        self._found[id(tensor)] = (ref, trail)
        if trail.nodes:
            self._memory[_memory(tensor)].append(ref)

    def sharing(self, tensor: Tensor) -> list[Tensor]:
        """The other living tensors in the same memory."""
        found = [ref() for ref in self._memory[_memory(tensor)]]
        return [t for t in found if t is not None and t is not tensor and _memory(t) == _memory(tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else id(tensor)


@dataclass(eq=False, slots=True)
class Flow:
    """What a watched run showed: its steps in order, what merely moved data, and what came out."""

    steps: dict[str, Step]
    moves: dict[str, Step]
    inputs: tuple[str, ...]
    output: Any
    trails: Trails
    reads_values: bool
    odd_axes: bool  # some value does not run over the samples on axis 0

    @property
    def ends(self) -> frozenset[str]:
        """The nodes whose values the model returns."""
        found = [self.trails.get(t) for t in tensors(self.output)]
        return frozenset(name for trail in found if trail is not None for name in trail.nodes)


class Watcher(TorchFunctionMode):
    """Watches one run of a borrowed model."""

    def __init__(self, model: nn.Module, inputs: Arguments, names: tuple[str, ...], progress: Progress) -> None:
        super().__init__()
        self.model = model
        self.n = inputs.n
        self.progress = progress
        self.inputs = inputs.mapped(torch.Tensor.clone)
        self.names = names
        self.steps: dict[str, Step] = {}
        self.moves: dict[str, Step] = {}
        self.trails = Trails()
        self.stack: list[tuple[str, str]] = [("", "open")]  # path; open, or closed or own inside a leaf
        self.opened: list[tuple[list[tuple[Tensor, int | None]], list[tuple[Tensor, Trail]]]] = []
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.counted: set[int] = set()
        self.owners = {path: class_of(m) for path, m in model.named_modules()}
        self.reads_values = False
        self.odd_axes = False
        self.only_moved = False  # so far inside a leaf of the user's own

    def watch(self) -> Flow:
        """Runs the model once. Errors of the model come through as they are."""
        for name, tensor in zip(self.names, self.inputs.tensors):
            view = self._input_view(tensor)
            floating = tensor.is_floating_point()
            self.steps[name] = Step(name, "input", tuple(tensor.shape), (), False, floating=floating, view=view)
            self.trails.put(tensor, Trail((name,), True, True, view))
        with ExitStack() as undo, torch.inference_mode(False), torch.no_grad():
            modules = {path: m for path, m in self.model.named_modules() if path}
            total = sum(is_leaf(m) for m in modules.values())
            for path, module in modules.items():
                leaf = is_leaf(module)
                place = "open" if not leaf else "closed" if is_torch_leaf(module) else "own"
                enter, leave = partial(self._enter, path, place), partial(self._leave, path, leaf, total)
                undo.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
                undo.callback(module.register_forward_hook(leave, with_kwargs=True).remove)
            with self:
                output = self.model(*self.inputs.args, **self.inputs.kwargs)
        return Flow(self.steps, self.moves, self.names, output, self.trails, self.reads_values, self.odd_axes)

    def _input_view(self, tensor: Tensor) -> View | None:
        """The plane of an input: behind its channels. Two axes are a signal for convolutions, else a row of tokens."""
        n_axes = tensor.dim() - 2
        signal = n_axes == 1 and any(isinstance(m, nn.Conv1d) for m in self.model.modules())
        if not tensor.is_floating_point() or not (n_axes > 1 or signal):
            return None
        return View(fields.of_input(n_axes))

    # -- modules ---------------------------------------------------------------------------------------------------

    def _enter(self, path: str, place: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        around = self.stack[-1][1]
        self.stack.append((path, "closed"))  # while this looks at the arguments
        if around == "open" and place != "open":
            found = list(tensors((args, kwargs)))
            self.opened.append(([(t, version(t)) for t in found], self._tracked(found)))
        self.stack[-1] = (path, place if around == "open" else around)
        self.only_moved = place == "own"

    def _leave(self, path: str, leaf: bool, total: int, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        while self.stack.pop()[0] != path:  # a forward that raised and was caught did not leave
            pass
        if self.stack[-1][1] != "open" or not leaf:
            return None
        before, operands = self.opened.pop()
        call = self.calls[path]
        self.calls[path] = call + 1
        self.progress(min(len(self.calls), total), total, "tracing the network")
        self.stack.append((path, "closed"))
        try:
            return self._leaf_step(call_name(path, call), path, module, before, operands, output)
        finally:
            self.stack.pop()

    def _leaf_step(
        self,
        name: str,
        path: str,
        module: nn.Module,
        before: list[tuple[Tensor, int | None]],
        operands: list[tuple[Tensor, Trail]],
        output: Any,
    ) -> Any:
        weights = tuple(module.parameters())
        if not operands:
            self._constant(output, weights)
            return None
        value = primary(output)
        if value is None or (self.only_moved and not weights and not any(value is t for t, _ in operands)):
            return None
        window = module_window(module)
        inner = None if is_torch_leaf(module) else self.trails.get(value)
        view = inner.view if inner else behind_module(module, operands[0][1].view, operands[0][0], value)
        step = self._step(name, kind_of(module), value, operands, weights, view)
        step.module, step.owner = module, self.owners[path]
        step.weighted, step.rectifies = is_weighted_module(module), module_rectifies(module)
        if window is not None:
            step.kernel, step.stride = window.kernel, window.stride
        step.plane = len(module.kernel_size) if isinstance(module, nn.modules.conv._ConvNd) else 0
        return self._arrived(step, operands, before, output, view)

    # -- functions -------------------------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        path, place = self.stack[-1]
        if place == "closed":
            return func(*args, **kwargs)
        word = operation(func)
        if place == "own":
            return self._inside(word, func, args, kwargs)
        if not word:
            if getattr(func, "__name__", "") in READERS and self._tracked(tensors(args)):
                self.reads_values = True
            output = func(*args, **kwargs)
            if isinstance(output, Tensor):  # an attribute such as x.T or x.data
                self._moved(word, "", args, kwargs, self._tracked(tensors(args)), output)
            return output
        number = self.counts[f"{path}/{word}"]
        self.counts[f"{path}/{word}"] = number + 1
        before = [(t, version(t)) for t in tensors((args, kwargs))]
        output = func(*args, **kwargs)
        return self._function_step(f"{path}/{word}#{number}", word, args, kwargs, before, output)

    def _function_step(
        self, name: str, word: str, args: Any, kwargs: Any, before: list[tuple[Tensor, int | None]], output: Any
    ) -> Any:
        operands = self._tracked(t for t, _ in before)
        constants = [t for t, _ in before if self._is_constant(t)]
        weights = tuple(p for t in constants for p in self._weights(t))
        if not operands or word in CREATING:
            self._constant(output, weights)
            return output
        written = [t for t, v in before if v is not None and t._version != v]
        value = primary(output)
        if value is None:
            value = written[0] if written else None
        if value is None:
            return output
        if not written and (word in PASSING or not value.is_floating_point()):
            return self._moved(word, name, args, kwargs, operands, output)
        view = behind_step(word, args, kwargs, [(t, r.view) for t, r in operands], value)
        step = self._step(name, word, value, operands, weights, view)
        step.owner = self.owners[name.rpartition("/")[0]]
        step.weighted = is_weighted_step(word, [t for t, _ in operands], constants)
        step.rectifies = step_rectifies(word, args, kwargs)
        window = step_window(word, args, kwargs)
        if window is not None:
            step.kernel, step.stride = window.kernel, window.stride
            step.plane = len(window.kernel) if word.startswith("conv") else 0
        new = self._arrived(step, operands, before, output, view)
        return output if new is None else new

    def _inside(self, word: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Follows the receptive field through a leaf of the user's own."""
        operands = self._tracked(tensors((args, kwargs)))
        output = func(*args, **kwargs)
        value = primary(output)
        if operands and word not in PASSING and word not in CREATING and word:
            self.only_moved = False
        if operands and value is not None and not any(value is t for t, _ in operands):
            nodes = tuple(dict.fromkeys(n for _, r in operands for n in r.nodes))
            if word in PASSING:
                view = behind_move(word, args, kwargs, operands[0][1].view, operands[0][0], value)
            else:
                view = behind_step(word, args, kwargs, [(t, r.view) for t, r in operands], value)
            self.trails.put(value, Trail(nodes, view=view))
        return output

    def _moved(
        self, word: str, name: str, args: Any, kwargs: Any, operands: list[tuple[Tensor, Trail]], output: Any
    ) -> Any:
        """Hands the trail of moved data on."""
        if not operands:
            return output
        nodes = tuple(dict.fromkeys(n for _, r in operands for n in r.nodes))
        for value in tensors(output):
            if any(value is t for t, _ in operands):
                continue
            source, trail = operands[0]
            view = behind_move(word, args, kwargs, trail.view, source, value)
            still = word in UNMOVED and len(operands) == 1
            ordered = trail.ordered and word in ORDERED and value.dim() == source.dim()
            via = trail.via if still else name
            self.trails.put(value, Trail(nodes, still and trail.direct, ordered, view, via=via))
            self._check_axis(value)
            if name and value.is_floating_point():
                self.moves[name] = self._step(name, word, value, operands, (), view, counted=False)
        return output

    # -- both ------------------------------------------------------------------------------------------------------

    def _step(
        self,
        name: str,
        kind: str,
        value: Tensor,
        operands: list[tuple[Tensor, Trail]],
        weights: Iterable[nn.Parameter],
        view: View | None,
        counted: bool = True,
    ) -> Step:
        nodes = tuple(dict.fromkeys(n for _, r in operands for n in r.nodes))
        new = {id(p): p.numel() for p in weights if id(p) not in self.counted} if counted else {}
        self.counted |= set(new)
        return Step(
            name,
            kind,
            tuple(value.shape),
            nodes,
            direct=all(r.direct for _, r in operands),
            straight=tuple(n for t, r in operands if r.ordered and t.dim() == value.dim() for n in r.nodes),
            floating=value.is_floating_point(),
            same=operands[0][0].shape == value.shape,
            parameters=sum(new.values()),
            view=view,
        )

    def _arrived(
        self,
        step: Step,
        operands: list[tuple[Tensor, Trail]],
        before: list[tuple[Tensor, int | None]],
        output: Any,
        view: View | None,
    ) -> Any:
        """Registers a step and marks its results; gives another output where the step returned its input as it was."""
        self.steps[step.name] = step
        written = [t for t, v in before if v is not None and t._version != v]
        results = list(tensors(output))
        step.untouched = len(results) == 1 and not written and any(results[0] is t for t, _ in operands)
        if step.untouched:  # a name of its own, so that what reads it is told apart from what reads the input
            output = with_primary(output, results[0].view_as(results[0]))
            results = list(tensors(output))
        main = primary(output)
        for value in results + written:
            first = value is main or (main is None and value is written[0])
            self.trails.put(value, Trail((step.name,), first, first, view if first else None))
            self._check_axis(value)
        for value in written:
            for other in self.trails.sharing(value):
                if not any(other is r for r in results + written):
                    self.trails.put(other, Trail((step.name,)))
        return output if step.untouched else None

    def _tracked(self, found: Iterable[Tensor]) -> list[tuple[Tensor, Trail]]:
        pairs = [(t, self.trails.get(t)) for t in found]
        return [(t, trail) for t, trail in pairs if trail is not None and trail.nodes]

    def _is_constant(self, tensor: Tensor) -> bool:
        trail = self.trails.get(tensor)
        return trail is None or not trail.nodes

    def _weights(self, tensor: Tensor) -> tuple[nn.Parameter, ...]:
        if isinstance(tensor, nn.Parameter):
            return (tensor,)
        trail = self.trails.get(tensor)
        return () if trail is None else trail.weights

    def _constant(self, output: Any, weights: tuple[nn.Parameter, ...]) -> None:
        """Remembers which parameters a tensor that is not data was made from."""
        if weights:
            for value in tensors(output):
                if not isinstance(value, nn.Parameter):
                    self.trails.put(value, Trail(weights=weights))

    def _check_axis(self, value: Tensor) -> None:
        if value.dim() == 0 or value.shape[0] != self.n:
            self.odd_axes = True
