"""Where the published networks and images lie, if they do."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[3] / "shared"


class Absent(Exception):
    """What the measurement needs is not on this machine."""
