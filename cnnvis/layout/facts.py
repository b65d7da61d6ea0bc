"""What is told of an explanation beside its evidence: for what it speaks, its range, what its method says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from cnnvis.layout.sheet import alike
from cnnvis.layout.svg import text_width
from cnnvis.model.attribution import Attribution, Evidence, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.session import Session
from cnnvis.model.target_names import target_name

_WORDS: Mapping[str, str] = {
    "layer": "layer {}",
    "layers": "layers {}",
    "linear_layers": "over {} linear layers",
    "r2": "R² {:.2f}",
    "n_segments": "{:,} segments",
    "effective_samples": "{:,.0f} effective samples",
    "stability": "stability {:.2f}",
    "cosine": "likeness {:.2f}",
    "explained": "the parts explain {:.0%}",
}


def has_signs(one: Attribution) -> bool:
    """Whether evidence tells what speaks for a target from what speaks against it, or only how much matters."""
    return signed_evidence(one.evidence, one.parameters)


def signed_evidence(evidence: Evidence, parameters: Mapping[str, Any]) -> bool:
    """The same of evidence that a method with such parameters found."""
    if not isinstance(evidence, (Map, Vector)):
        return False
    return parameters.get("channels") != "max" and evidence.facts.get("signed") is not False


def side_word(one: Attribution, sign: Literal["both", "for", "against"]) -> str:
    """How evidence of a sign relates to what it is about: "for" and "against" only where it has signs."""
    if isinstance(one.evidence, Gates):
        return "open for"
    if one.evidence.facts.get("of") == "layer":
        return "at"
    if isinstance(one.evidence, WeightMap) or not (has_signs(one) or isinstance(one.evidence, Picture)):
        return "matters for"
    return "against" if sign == "against" else "for"


def aim_word(session: Session, one: Attribution) -> str:
    """What an explanation is about: its target, or the loss, or a layer, which have none."""
    facts = one.evidence.facts
    if facts.get("of") == "layer":
        return str(facts.get("layer", ""))
    return "the loss" if facts.get("of") == "loss" else target_name(session, one.target)


def told(session: Session, one: Attribution, width: float) -> list[str]:
    """Short lines within a width: the range, what the method says of its own result, and what speaks against it."""
    return [line for text in (*facts_of(one), *_warned(session, one)) for line in wrapped(text, width, 11)]


def facts_of(one: Attribution) -> list[str]:
    """What is told of an explanation, a short line each: its range, and what the method says of its own result."""
    lines, facts = [], one.evidence.facts
    if isinstance(one.evidence, Map):
        low, high = alike((float(one.evidence.values.min()), float(one.evidence.values.max())))
        lines.append(f"{low} to {high}")
    known = {name: word for name, word in _WORDS.items() if name != "layer" or facts.get("of") != "layer"}
    lines += [_told(word, facts[name]) for name, word in known.items() if _is_line(facts.get(name))]
    expected = facts.get("expected_sum")
    if isinstance(expected, (int, float)) and isinstance(one.evidence, (Map, Vector)):
        total, whole = alike((float(np.sum(one.evidence.values)), float(expected)))
        lines.append(f"sum {total} of {whole}")
    return lines


def _is_line(value: Any) -> bool:
    """Whether a fact is known, and short enough for a line: no table of them."""
    return value is not None and not isinstance(value, Mapping)


def _told(word: str, value: Any) -> str:
    if isinstance(value, (tuple, list)):
        value = ", ".join(map(str, value))
    try:
        found = word.format(value)
    except (ValueError, TypeError):  # a fact of another form than usual
        return word.split("{")[0] + str(value)
    return found.removesuffix("s") if value == 1 else found.replace("%", " %")


def _warned(session: Session, one: Attribution) -> list[str]:
    """What the method, and what was measured of it, say against it: where the map is looked at."""
    says = one.evidence.facts.get("says")
    card = session.measurements.scorecards.get(one.key)
    return [*([says] if isinstance(says, str) and says else []), *(card.verdicts[:1] if card is not None else ())]


def wrapped(text: str, width: float, size: float) -> list[str]:
    """A sentence as lines that fit a width, by estimated widths."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, False) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
