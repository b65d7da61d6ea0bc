"""What the window says of a session. Its fixed texts speak of images; where a table is open, they say rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from cnnvis.model.document import Document
from cnnvis.model.nouns import IMAGE, Noun
from cnnvis.model.session import Session


@runtime_checkable
class Painted(Protocol):
    """A widget that paints what it tells."""

    def reword(self, noun: Noun) -> None: ...


def reword(root: QWidget, noun: Noun) -> None:
    """Let the labels, buttons and tooltips in a widget say what the network was shown.

    What was written for images is kept beside, so that it comes back with the next session of images.
    """
    for widget in (root, *root.findChildren(QWidget)):
        _say(widget, "tip", widget.toolTip(), widget.setToolTip, noun)
        _say(widget, "name", widget.accessibleName(), widget.setAccessibleName, noun)
        if isinstance(widget, QLabel | QAbstractButton):
            _say(widget, "text", widget.text(), widget.setText, noun)
        if isinstance(widget, Painted) and noun != IMAGE:
            widget.reword(noun)


def _say(widget: QWidget, what: str, shown: str, put: Callable[[str], None], noun: Noun) -> None:
    written, said = widget.property(f"{what} of images"), widget.property(f"{what} as said")
    plain = written if written is not None and shown == said else shown
    text = noun.say(plain)
    if text != shown:
        put(text)
        widget.setProperty(f"{what} of images", plain)
        widget.setProperty(f"{what} as said", text)


def summary(session: Session) -> str:
    """How many images, and how well the network does on them."""
    found = session.activations
    if found is None:
        return "reading …"
    parts = [found.noun.count(found.n_samples)]
    if found.samples.skipped:
        parts.append(f"{len(found.samples.skipped):,} skipped")
    accuracy = found.samples.accuracy
    if accuracy is not None:
        parts.append(f"accuracy {100 * accuracy:.1f} %")
    return " · ".join(parts)


def idle(document: Document | None) -> str:
    """What the status bar says while nothing is going on."""
    if document is None:
        return "Ready"
    parts = ["Ready"]
    facts = document.session.provenance
    if facts.get("device", "auto") != "auto":
        parts.append(str(facts["device"]).upper())
    if "images_per_second" in facts:
        rate = float(facts["images_per_second"])
        parts.append(f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}")
        parts[-1] += f" {document.session.noun.many} per second"
    if document.undoable is not None:
        parts.append(f"undo: {document.undoable}")
    return " · ".join(parts)
