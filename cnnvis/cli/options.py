"""What several commands are told in the same words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cnnvis.errors import InvalidValue

FIGURES = (".png", ".pdf", ".svg")


def positive(text: str) -> int:
    """A whole number from 1 on, as an option gives it."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text}")
    return value


def names(text: str | None) -> list[str] | None:
    """The parts of "a, b"; None where nothing is given."""
    return [name.strip() for name in text.split(",")] if text else None


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the network runs."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")


def must_end_right(paths: Sequence[Path], other: str) -> None:
    """Raises InvalidValue for a file that is neither a figure nor ends in `other`."""
    for path in paths:
        if path.suffix.lower() not in (*FIGURES, other):
            raise InvalidValue(
                f"The file to write must end in {', '.join(FIGURES)} or {other}; got {path.name}. "
                "Give it one of these endings."
            )
