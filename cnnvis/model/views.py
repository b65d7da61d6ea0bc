"""The view that made a figure: which session, seen how; small enough to travel inside the figure."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

import cnnvis
from cnnvis.errors import CnnvisError, InvalidValue, UnreadableFile
from cnnvis.model.activations import Samples
from cnnvis.model.analysis import Analysis
from cnnvis.model.groups import Group
from cnnvis.model.plain import analysis_from_dict, analysis_to_dict, look_from_dict, look_to_dict
from cnnvis.model.session import Look, Session

VERSION = 1
LARGEST = 16 * 2**20
"""Bytes that a view may unpack to: those of hostile figures are not read further."""
_MARK = re.compile(rb"cnnvis-view:(\d{1,9}):([A-Za-z0-9+/=]+):end")
_BROKEN = (
    CnnvisError, binascii.Error, zlib.error, KeyError, TypeError, ValueError, IndexError, AttributeError,
    OverflowError, RecursionError,
)  # fmt: skip
"""What reading a damaged or hostile view may raise."""
_SCORES: WeakKeyDictionary[Samples, str] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class View:
    """How a session was seen when a figure was made: its analysis but the network and notes, and its look.

    `session` is the identity of the session (see `identity`), `network` the name of its network.
    """

    session: str
    network: str
    analysis: Mapping[str, Any]
    look: Look


def identity(session: Session) -> str:
    """What a session is about, 32 hex digits: its network and what that said about every sample.

    It survives edits, saving and loading; another checkpoint or other samples give another.
    """
    found = session.activations
    said = "" if found is None else _said(found.samples)
    return sha256(f"{session.analysis.network.digest}\n{said}".encode()).hexdigest()[:32]


def _said(samples: Samples) -> str:
    if samples not in _SCORES:
        known = sha256("\n".join(samples.names).encode())
        for array in (samples.indices, samples.ranked, samples.scores, samples.read):
            known.update(array.tobytes())
        _SCORES[samples] = known.hexdigest()
    return _SCORES[samples]


def view_of(session: Session) -> View:
    """The view of a session as it is."""
    plain = analysis_to_dict(session.analysis)
    kept = {key: plain[key] for key in ("groups", "clusters", "recipes", "edited", "subsets")}
    return View(identity(session), session.analysis.network.name, kept, replace(session.look, bounds=None))


def restored(view: View, session: Session) -> tuple[Analysis, Look]:
    """The analysis and the look of a view, for the session it belongs to; notes stay as they are.

    Raises InvalidValue where the session is another one, UnreadableFile where the view does not fit it.
    """
    if view.session != identity(session):
        raise InvalidValue(
            f"The session must be the one that the figure was made from, of {view.network}; "
            f"this is another one, of {session.analysis.network.name}. Open that session first."
        )
    own = analysis_to_dict(session.analysis)
    try:
        analysis = analysis_from_dict({**own, **view.analysis})
        _check_groups(analysis.groups, session.analysis.groups)
        return analysis, view.look
    except _BROKEN as error:
        said = f"The view in the figure must fit its session; {_why(error)} Export the figure anew."
        raise UnreadableFile(said) from None


def _check_groups(groups: Sequence[Group], own: Sequence[Group]) -> None:
    """Raises ValueError where groups are not those of a session, regrouped."""
    layers = [name for group in groups for name in group.layers]
    if sorted(layers) != sorted(name for group in own for name in group.layers):
        raise ValueError("its groups must hold each layer of the session once")
    if len({group.id for group in groups}) < len(groups) or len({group.name for group in groups}) < len(groups):
        raise ValueError("its groups must have different ids and names")
    if any(group.representative not in group.layers for group in groups):
        raise ValueError("each of its groups must be represented by one of its layers")


def packed(view: View) -> str:
    """The view as one line of ASCII, as it stands in the metadata of a figure."""
    plain = {
        "cnnvis": cnnvis.__version__,
        "session": view.session,
        "network": view.network,
        "analysis": dict(view.analysis),
        "look": look_to_dict(view.look),
    }
    data = zlib.compress(json.dumps(plain, ensure_ascii=False).encode(), 9)
    return f"cnnvis-view:{VERSION}:{base64.b64encode(data).decode()}:end"


def unpacked(data: bytes) -> View | None:
    """The view inside the bytes of a figure; None where there is none.

    Raises UnreadableFile where it is damaged, hostile or of a newer version.
    """
    found = _MARK.search(data)
    if found is None:
        return None
    if int(found[1]) > VERSION:
        raise UnreadableFile("The view in the figure must be of this cnnvis or an older one. Update cnnvis to open it.")
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(found[2], validate=True), LARGEST)
        if reader.unconsumed_tail:
            raise ValueError(f"it unpacks to more than {LARGEST:,} bytes")
        plain = json.loads(text)
        keys = ("groups", "clusters", "recipes", "edited", "subsets")
        kept = {key: plain["analysis"][key] for key in keys}
        return View(str(plain["session"]), str(plain["network"]), kept, look_from_dict(plain["look"]))
    except _BROKEN as error:
        raise UnreadableFile(f"The view in the figure must be whole; {_why(error)} Export the figure anew.") from None


def _why(error: BaseException) -> str:
    """What is wrong with a view, as the end of a sentence."""
    if not isinstance(error, CnnvisError | ValueError):
        return "it is damaged."
    text = str(error)
    return text if text.endswith(("?", ".")) else f"{text}."
