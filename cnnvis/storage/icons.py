"""Images drawn for neurons in a session file: small PNG or JPEG pictures, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnvis.model.synthesis import WAYS, Icons, Synthesis
from cnnvis.storage.pictures import StoredPictures, encode_picture

BUDGET = 64 * 2**20
"""Bytes of drawn images that a file keeps; layers that were drawn last are left out beyond it."""


def synthesis_to_values(synthesis: Synthesis) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """A header for each layer, and its images by name, `layer/row`."""
    headers: list[dict[str, Any]] = []
    images: dict[str, bytes] = {}
    left = BUDGET
    for icons in synthesis.icons.values():
        mine = [encode_picture(values) for values in icons.values]
        left -= sum(map(len, mine))
        if left < 0:
            break
        images |= {f"{len(headers)}/{row}": held for row, held in enumerate(mine)}
        headers.append(
            {
                "layer": icons.layer,
                "units": list(icons.units),
                "drive": icons.drive.tolist(),
                "strongest": icons.strongest.tolist(),
                "steps": np.asarray(icons.steps).tolist(),
                "way": icons.way,
                "copies": icons.copies,
                "seed": icons.seed,
            }
        )
    return headers, images


def synthesis_from_values(headers: list[Mapping[str, Any]], image: Callable[[str], bytes]) -> Synthesis:
    """The images that `synthesis_to_values` wrote; `image` gives the bytes of one by its name.

    Raises ValueError where one is damaged.
    """
    found = {}
    for place, header in enumerate(headers):
        units = tuple(int(u) for u in header["units"])
        copies, way = int(header.get("copies", 1)), header.get("way", "max")
        if way not in WAYS:
            raise ValueError(f"{way!r} is none of {WAYS}")
        held = StoredPictures({row: image(f"{place}/{row}") for row in range(len(units) * copies)})
        values = [held(row) for row in range(len(units) * copies)]
        if not values or any(v is None or v.shape != values[0].shape for v in values):  # type: ignore[union-attr]
            raise ValueError(f"images of {header['layer']} are damaged")
        icons = Icons(
            str(header["layer"]),
            units,
            np.stack([v for v in values if v is not None]),
            np.array(header["drive"], np.float32),
            np.array(header["strongest"], np.float32),
            np.asarray(header["steps"], np.int64),  # older files have one number for all
            way,
            copies,
            int(header.get("seed", 0)),
        )
        found[icons.layer, icons.way] = icons
    return Synthesis(found)
