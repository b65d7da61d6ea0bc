"""One run of a network under observation."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from cnnvis.compute.arguments import Arguments
from cnnvis.compute.detours import close_detours, open_detours
from cnnvis.compute.nodes import operation, primary, with_primary, writes_in_place
from cnnvis.compute.plan import Plan, Station, inward, outward, placeholder
from cnnvis.compute.stand_ins import StandIns
from cnnvis.errors import CnnvisError, InvalidValue, ModelFailure

_running = threading.local()


class _Stop(BaseException):
    """All that was waited for is there; not an Exception, so that a forward that catches those lets it through."""


@dataclass(frozen=True, eq=False, slots=True)
class Callbacks:
    """What a caller wants done at which node."""

    visit: Mapping[str, Callable[[Tensor], None]]
    replace: Mapping[str, Callable[[Tensor], Tensor]]
    instead: Mapping[str, Callable[..., Any]]
    given: Mapping[str, Tensor]


class Pass:
    """One run: counts calls and steps as they come, and serves the stations of its plan."""

    def __init__(self, plan: Plan, inputs: Arguments, callbacks: Callbacks) -> None:
        self.plan = plan
        self.inputs = inputs
        self.callbacks = callbacks
        self.n = inputs.n
        self.values: dict[str, Tensor] = {}
        self.leaves: dict[str, Tensor] = {}
        self.reached: set[str] = set()
        self.waiting = set(plan.ends)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.counts: defaultdict[str, int] = defaultdict(int)
        # The path of the container that is running; None inside a leaf and inside a callback.
        self.stack: list[str | None] = [""]
        self.own_error: BaseException | None = None
        self.stand_ins: StandIns | None = None
        self.listening = plan.listening
        self.called: set[str] = set()

    def run(self) -> Any:
        """What the model returned, or None where it was stopped early."""
        before = getattr(_running, "now", None)
        with ExitStack() as undo, torch.inference_mode(False), torch.set_grad_enabled(self.plan.differentiates):
            undo.callback(setattr, _running, "now", before)
            _running.now = self
            if self.plan.weights:
                self.stand_ins = StandIns(self.plan.model, self.plan.network)
            try:
                arguments = self._arrive_inputs()
                self._listen(undo)
                with _Mode(self) if self.plan.needs_mode and self.listening.near is None else ExitStack():
                    output = self.plan.model(*arguments.args, **arguments.kwargs)
            except _Stop:
                output = None
            except Exception as error:
                self._explain(error)
                raise
        if self.own_error is not None:  # the network's forward swallowed it
            raise self.own_error
        self._check_all_reached()
        if self.plan.narrows and self.listening.near is None:
            self.plan.listen_near(self.called)
        return output

    def _explain(self, error: Exception) -> None:
        """Raises an error of the network as a ModelFailure; lets errors of callbacks and of memory pass."""
        if self.own_error is not None and error is not self.own_error:
            raise self.own_error from error
        if error is self.own_error or isinstance(error, CnnvisError) or is_out_of_memory(error):
            return
        raise failure(self.plan.network.name, self.inputs, error, self.plan.network.inputs[0].shape) from error

    def _check_all_reached(self) -> None:
        missing = [] if self.plan.ends and not self.waiting else sorted(self.plan.awaited - self.reached)
        if missing:
            raise ModelFailure(
                f"{self.plan.network.name} must reach {missing[0]!r} to be asked about it; these inputs took another "
                "way. Trace it with an input of this kind, or leave that layer out."
            )

    # -- listening -------------------------------------------------------------------------------------------------

    def _listen(self, undo: ExitStack) -> None:
        """Puts hooks where the plan listens: everywhere, or, later, only near the steps that are asked for."""
        near, mode = self.listening.near, _Mode(self)
        hooks: list[RemovableHandle] = []
        routes: list[tuple[nn.Module, Callable[..., Any]]] = []
        undo.callback(_remove, hooks)
        for path, module, leaf in self.listening.watched:
            stations = self.plan.modules.get(path, {}) if leaf else {}
            inside = near is not None and path in self.plan.homes
            stacked = self.plan.counts and (near is None or path in near) and not inside
            if stacked:
                hooks.append(module.register_forward_pre_hook(partial(self._enter, path, leaf)))
            detours = any(s.detours for s in stations.values())
            # Where nothing is done but another computation, its call is counted on the way: hooks take time.
            alone = detours and not (stacked or any(s.served for s in stations.values()))
            if not (inside or alone):
                hooks.append(module.register_forward_hook(partial(self._leave, path, stations, stacked)))
            if inside or detours:
                own = partial(self._inside, path, mode) if inside else partial(self._reroute, path, stations, alone)
                routes.append((module, own))
        undo.callback(close_detours, routes)
        open_detours(routes)

    def _enter(self, path: str, leaf: bool, module: nn.Module, args: Any) -> None:
        if getattr(_running, "now", None) is self:
            within = self.stack[-1]
            if within is None and (path in self.plan.homes or path in self.plan.modules):
                self.plan.narrows = False  # called inside a leaf, which only a run that listens everywhere can tell
            elif within in self.plan.homes:
                self.called.add(path)
            self.stack.append(None if leaf or within is None else path)

    def _inside(self, path: str, mode: _Mode, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A container whose own steps are asked for: the mode sees torch's functions here alone."""
        if getattr(_running, "now", None) is not self:
            return original(*args, **kwargs)
        depth = len(self.stack)
        self.stack.append(None if self.stack[-1] is None else path)
        try:
            with mode:
                return original(*args, **kwargs)
        finally:
            del self.stack[depth:]

    def _leave(
        self, path: str, stations: Mapping[int, Station], stacked: bool, module: nn.Module, args: Any, output: Any
    ) -> Any:
        if getattr(_running, "now", None) is not self:
            return None
        if stacked:
            self.stack.pop()
            if self.stack[-1] is None:
                return None
        call = self.calls[path]
        self.calls[path] = call + 1
        if path in self.plan.unsure and isinstance(output, Tensor):
            self.plan.single.add(path)
        station = stations.get(call)
        if station is None or not station.served:
            return None
        self.stack.append(None)  # what happens here is no step of the network
        try:
            value = primary(output)
            if value is None:
                raise self.tensorless(station)
            new = self.arrive(station, value)
        finally:
            self.stack.pop()
        return None if new is value else with_primary(output, new)

    def _reroute(
        self,
        path: str,
        stations: Mapping[int, Station],
        alone: bool,
        original: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if getattr(_running, "now", None) is not self:
            return original(*args, **kwargs)
        station = stations.get(self.calls[path])
        if alone:
            self.calls[path] += 1
        if station is None or not station.detours:
            return original(*args, **kwargs)
        return self.divert(station, original, args, kwargs)

    # -- at a station ----------------------------------------------------------------------------------------------

    def divert(self, station: Station, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What stands in for a node that is not computed as usual."""
        if station.spared:
            known = self._known(station) if station.given else None
            return placeholder(station.layer, self.n, self.plan.like) if known is None else known
        self.reached.add(station.name)
        return self._call(self.callbacks.instead[station.name], original, *args, **kwargs)

    def _known(self, station: Station) -> Tensor:
        """A given value in the node's raw shape, safe from later in-place operations."""
        value = self.callbacks.given[station.name]
        if value.shape[:1] != (self.n,) and station.layer.batch_axis is not None:
            raise InvalidValue(
                f"Values given for {station.name} must be of the same {self.n} samples; got shape {tuple(value.shape)}."
            )
        return inward(value if station.lasting else value.clone(), station.layer)

    def arrive(self, station: Station, value: Tensor) -> Tensor:
        """Does at a node what was asked for; gives the raw tensor that the network goes on with."""
        name, layer = station.name, station.layer
        if station.given and not station.spared:
            value = self._known(station)
        x = seen = outward(value, layer, self.n)
        if station.replace:
            x = self._call(self.callbacks.replace[name], x)
            if not isinstance(x, Tensor) or x.shape != seen.shape:
                got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
                message = f"A new value of {name} must keep the shape {tuple(seen.shape)}; got {got}."
                raise self._own(InvalidValue(message))
        if station.visit:
            self._call(self.callbacks.visit[name], x)
        onward = self._keep(station, x)
        self.reached.add(name)
        if station.stop:
            self.waiting.discard(name)
            if not self.waiting:
                raise _Stop
        on_the_path = onward is seen and not (station.grad or station.cut)
        return value if on_the_path else inward(onward, layer)

    def _keep(self, station: Station, x: Tensor) -> Tensor:
        """Keeps a value where asked; gives what the network goes on with."""
        name = station.name
        if station.grad or station.cut:
            self.values[name] = x
            if station.cut or not x.requires_grad:
                x = (x.clone() if x.is_inference() else x).detach().requires_grad_()
            if not station.cut:
                self.values[name] = x
            self.leaves[name] = x
            return x if station.lasting else x.clone()
        if station.keep:
            self.values[name] = x
            if not station.lasting:
                if self.plan.differentiates:
                    return x.clone()
                self.values[name] = x.clone()
        return x

    def _call(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs a caller's function unobserved, and remembers its error as the caller's own."""
        self.stack.append(None)
        try:
            return callback(*args, **kwargs)
        except BaseException as error:
            self._own(error)
            raise
        finally:
            self.stack.pop()

    def _own(self, error: BaseException) -> BaseException:
        self.own_error = error
        return error

    def tensorless(self, station: Station) -> InvalidValue:
        return InvalidValue(f"The node {station.name} must give a tensor to be asked about it; it gave none.")

    def _arrive_inputs(self) -> Arguments:
        """The inputs after whatever was asked for at the input nodes, safe from in-place operations of the network."""
        names = [layer.name for layer in self.plan.network.inputs]
        if len(names) != len(self.inputs.tensors):
            raise InvalidValue(
                f"Inputs of {self.plan.network.name} must be {len(names)} tensors; got {len(self.inputs.tensors)}."
            )
        found = []
        for i, (name, tensor) in enumerate(zip(names, self.inputs.tensors)):
            station = self.plan.inputs.get(i)
            safe = self.plan.lasting(name) and not tensor.is_inference()
            own = tensor if safe or station is not None else tensor.clone()
            found.append(own if station is None else self.arrive(station, own))
        return Arguments(tuple(found), self.inputs.keys)


def _remove(hooks: list[RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()


class _Mode(TorchFunctionMode):
    """Sees every function of torch that the network's own forwards call, and serves the stations among them."""

    def __init__(self, owner: Pass) -> None:
        super().__init__()
        self.owner = owner
        self.steps = owner.plan.steps
        self.counts = owner.plan.counts
        self.stand_ins = owner.stand_ins

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        path = self.owner.stack[-1]
        if path is None and self.stand_ins is None:
            return func(*args, **(kwargs or {}))
        word = "" if path is None or not self.counts else operation(func)
        key, own = f"{path}/{word}", (args, kwargs)
        if self.stand_ins is not None:
            args, kwargs = self.stand_ins.exchanged(args, kwargs or {})
        if not word:
            return func(*args, **(kwargs or {}))
        number = self.owner.counts[key]
        self.owner.counts[key] = number + 1
        if self.stand_ins is not None:
            self.stand_ins.note(f"{key}#{number}", *own[0], *(own[1] or {}).values())
        stations = self.steps.get(key)
        station = None if stations is None else stations.get(number)
        if station is None:
            return func(*args, **(kwargs or {}))
        return self._serve(station, func, args, kwargs or {})

    def _serve(self, station: Station, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        owner, in_place = self.owner, writes_in_place(func)
        if station.detours:
            if in_place and station.spared and not station.given:
                return args[0]
            output = owner.divert(station, func, args, kwargs)
        else:
            # In a graph what was written must stay as it was saved: write to a copy.
            apart = in_place and owner.plan.differentiates and station.arrives
            own = (args[0].clone(), *args[1:]) if apart else args
            output = func(*own, **kwargs)
            if in_place and output is None:
                output = own[0]
        value = primary(output)
        if value is None:
            raise owner.tensorless(station)
        new = owner.arrive(station, value) if station.served else value
        if in_place:  # the caller may go on with the argument, whatever is returned
            _overwrite(args[0], new)
            return args[0]
        return output if new is value else with_primary(output, new)


def _overwrite(target: Tensor, value: Tensor) -> None:
    if target is value:
        return
    if 0 in target.stride() and target.numel() > 1:  # a placeholder: give it memory
        with torch.no_grad():
            target.set_(torch.empty_like(value))  # type: ignore[call-overload]
    target.copy_(value)


def failure(name: str, inputs: Arguments, error: BaseException, expected: tuple[int, ...] = ()) -> ModelFailure:
    """The sentence for a network that raised."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    traced = f" It was traced with one input of shape {expected}." if expected else ""
    return ModelFailure(
        f"{name} must run on inputs of shape {inputs.shapes} (samples first); it raised {text.rstrip('.')}.{traced} "
        "Check the size and the number of channels of the input."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that a memory is full, so that a smaller batch may work."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(w in text for w in words)
