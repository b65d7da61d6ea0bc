"""Something else in the place of a module's forward, for one thread and one run only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

Route = Callable[..., Any]  # called as route(original, *args, **kwargs)

_lock = threading.Lock()


class Detour:
    """Stands in a module's `__dict__` as its forward while some run needs it; everybody else passes."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.replaced = module.__dict__.get("forward")
        self.original: Callable[..., Any] = module.forward
        self.routes: dict[int, list[Route]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        routes = self.routes.get(threading.get_ident())
        return routes[-1](self.original, *args, **kwargs) if routes else self.original(*args, **kwargs)


def open_detours(routes: Sequence[tuple[nn.Module, Route]]) -> None:
    """Sends this thread's calls of each module's forward through its route."""
    thread = threading.get_ident()
    with _lock:
        for module, route in routes:
            detour = module.__dict__.get("forward")
            if not isinstance(detour, Detour):
                detour = module.__dict__["forward"] = Detour(module)
            detour.routes.setdefault(thread, []).append(route)


def close_detours(routes: Sequence[tuple[nn.Module, Route]]) -> None:
    """Takes routes of this thread away again; a module is as before once the last one is closed."""
    thread = threading.get_ident()
    with _lock:
        for module, route in routes:
            detour = module.__dict__.get("forward")
            if isinstance(detour, Detour):
                _close(detour, route, thread)


def _close(detour: Detour, route: Route, thread: int) -> None:
    routes = detour.routes.get(thread, [])
    if route in routes:
        routes.remove(route)
    if not routes:
        detour.routes.pop(thread, None)
    if not detour.routes:
        if detour.replaced is None:
            del detour.module.__dict__["forward"]
        else:
            detour.module.__dict__["forward"] = detour.replaced
