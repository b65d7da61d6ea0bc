"""Joining the sessions of shards into the one that a single run gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnvis.errors import InvalidValue
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent
from cnnvis.storage.pictures import StoredPictures


def merge_sessions(shards: Sequence[Session], *, progress: Progress = silent) -> Session:
    """One session over the samples of all shards, clustered anew over all of them.

    Connections are those of the first shard that has them: every shard measures them over the same seeded probe of
    the whole data set. Raises InvalidValue where the shards differ in network or groups, or overlap.
    """
    if not shards:
        raise InvalidValue("The shards to merge must be at least one session; got none.")
    first = shards[0]
    for shard in shards[1:]:
        if shard.analysis.network.digest != first.analysis.network.digest:
            raise InvalidValue(
                f"Shards must come from the same network; got {first.analysis.network.name} and another "
                f"({shard.analysis.network.name}). Merge shards of one job only."
            )
    from cnnvis.compute.cluster import cluster
    from cnnvis.compute.merge import merge
    from cnnvis.compute.sanity import findings

    progress(0, 2, "merging the shards")
    parts = [s.activations for s in shards if s.activations is not None]
    activations = merge(parts)
    notes = (*activations.notes, *findings(activations, first.analysis.network))
    activations = replace(activations, notes=tuple(dict.fromkeys(notes)))
    progress(1, 2, "clustering the neurons")
    recipe = first.analysis.recipe(first.analysis.groups[0].representative)
    analysis = cluster(
        first.analysis.network, activations, neurons=recipe, layers=first.analysis.groups, seed=recipe.seed
    )
    copies: dict[int, bytes] = {}
    for shard in shards:
        if isinstance(shard.pictures, StoredPictures):
            copies.update(shard.pictures.encoded)
    progress(2, 2)
    return replace(
        first,
        analysis=analysis,
        activations=activations,
        connections=next((s.connections for s in shards if s.connections is not None), None),
        pictures=StoredPictures(copies) if copies else None,
    )
