"""What it costs to draw: layout, and the window."""

from __future__ import annotations

import numpy as np

from benchmarks.timing import Row, timed
from cnnvis.layout.layered import LayeredEdge, layered_crossings, order_columns


def layout_60_by_40() -> Row:
    """The order of 60 columns of 40 cards with random edges, as the picture orders them."""
    rng = np.random.default_rng(0)
    sizes = [40] * 60
    edges: list[LayeredEdge] = [
        (k, int(i), k + 1, int(j), 1.0)
        for k in range(59)
        for i in range(40)
        for j in rng.choice(40, 2, replace=False)
    ]
    before = layered_crossings(sizes, edges, [np.arange(40)] * 60)
    after = layered_crossings(sizes, edges, order_columns(sizes, edges))
    row = timed("order of 60 columns of 40", lambda: order_columns(sizes, edges), repeats=10)
    return Row(row.what, row.figure, row.asked, f"{row.beside}; crossings {before:,.0f} → {after:,.0f}")
