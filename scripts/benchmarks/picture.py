"""What it costs to draw: layout, and the window."""

from __future__ import annotations

from functools import partial

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


def bundling_48_by_48() -> list[Row]:
    """Bundles between two columns of 48 clusters: the default share of edges, and one sign nearly half full."""
    from cnnvis.layout import bicliques
    from cnnvis.layout.bundles import owners
    from cnnvis.layout.links import Lane, kept

    rng = np.random.default_rng(0)
    effects = rng.normal(size=(48, 48)) + rng.normal(size=(48, 1)) + rng.normal(size=(1, 48))
    lane = Lane(0, 1, np.maximum(effects, 0.0), np.maximum(-effects, 0.0))
    rows = []
    for what, share in (("35 % of the edges kept", 0.35), ("all edges kept", 1.0)):
        (mask,) = kept([lane], share)

        def bundle(mask: np.ndarray = mask) -> int:
            bicliques._cover.cache_clear()
            return len(set(owners(lane, mask).values()))

        n = bundle()
        name = f"bundling 48 × 48 clusters, {what}"
        rows.append(timed(name, bundle, asked="≤ 0.3 s", repeats=10, note=f"{int(mask.sum())} edges, {n} bundles"))
    return rows


def packing_100() -> list[Row]:
    """The patches of 100 neurons packed by likeness and flat, from their features on."""
    from cnnvis.layout.hierarchy import branches, nested
    from cnnvis.layout.packing import pack_squares

    rng = np.random.default_rng(0)
    features, sides = rng.normal(size=(100, 10)), rng.uniform(10.0, 40.0, 100).tolist()

    def by_likeness() -> float:
        branches.cache_clear()
        return nested(features, sides, gap=0.0).fill

    fills = by_likeness(), pack_squares(sides, gap=0.0).fill
    return [
        timed(f"packing 100 neurons, {how}", work, asked="≤ 100 ms", note=f"{100 * fill:.0f} % filled")
        for how, work, fill in zip(
            ("by likeness", "flat"), (by_likeness, lambda: pack_squares(sides, gap=0.0).fill), fills
        )
    ]


def ordering_512() -> list[Row]:
    """The order of 512 neurons in a matrix of 10 and of 1,000 classes."""
    from cnnvis.layout.ordering import length, order

    rows = []
    for classes in (10, 1000):
        values = np.random.default_rng(0).gamma(1.0, size=(512, classes))
        share = length(values, order(values)) / length(values, np.arange(512))
        note = f"{100 * share:.0f} % of the length as given"
        work = partial(order, values)
        rows.append(timed(f"order of 512 rows of {classes:,}", work, asked="≤ 0.5 s", repeats=10, note=note))
    return rows
