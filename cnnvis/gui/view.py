"""What the controller asks of the window, and what panels tell: the seams at which tests put fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from PySide6.QtCore import SignalInstance

from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.document import Document
from cnnvis.model.session import Session

Answer = Literal["save", "discard", "cancel"]


@dataclass(frozen=True, slots=True)
class Work:
    """A long job under way. `left` seconds are estimated; None while nobody can tell. `rate` steps per second."""

    what: str
    done: int = 0
    total: int = 0
    left: float | None = None
    rate: float | None = None
    paused: bool = False


@dataclass(frozen=True)
class Offer:
    """A button on a notice."""

    text: str
    act: Callable[[], None]


@dataclass(frozen=True)
class Notice:
    """One sentence over the picture, with details to copy and at most two offers."""

    text: str
    details: str = ""
    kind: Literal["info", "error"] = "info"
    offers: tuple[Offer, ...] = ()


class View(Protocol):
    """The window, as the controller sees it."""

    def show_start(self) -> None: ...

    def show_loading(self, what: str) -> None: ...

    def show_session(self, session: Session, diagram: Diagram, anchor: Key | None) -> None: ...

    def show_selection(self, keys: tuple[Key, ...]) -> None: ...

    def show_document(self, document: Document | None) -> None: ...

    def show_title(self, name: str, unsaved: bool) -> None: ...

    def show_work(self, work: Work | None) -> None: ...

    def show_paused(self, paused: bool) -> None: ...

    def show_notice(self, notice: Notice | None) -> None: ...

    def flash(self, text: str) -> None: ...

    def allow(self, met: frozenset[str]) -> None: ...

    def reveal(self, key: Key) -> None: ...

    def in_view(self, keys: Sequence[Key]) -> frozenset[Key]: ...

    def ask_unsaved(self, name: str) -> Answer: ...

    def ask_where(self, suggested: Path) -> Path | None: ...

    def ask_session(self, network: str) -> Path | None: ...

    def ask_trust(self, sentence: str, path: str, digest: str) -> bool: ...


class Panel(Protocol):
    """A part of the window that shows the session or the selection.

    `chosen` tells a key that the user picked; `requested` a verb of the controller or the window with its
    arguments as a tuple, such as ("rename", ("layer1", 3, "dog faces")).
    """

    @property
    def chosen(self) -> SignalInstance: ...

    @property
    def requested(self) -> SignalInstance: ...

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None: ...

    def show_selection(self, key: Key | None) -> None: ...


Arguments = tuple[Any, ...]
