"""Copies of the exemplars that a picture shows, within a budget."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis.errors import UnreadableSample
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent
from cnnvis.storage.pictures import StoredPictures, encode_picture

BUDGET = 100 * 2**20


def collect(session: Session, *, budget: int = BUDGET, progress: Progress = silent) -> StoredPictures | None:
    """Copies of the strongest samples of the drawn neurons: first of each the strongest, then the second, and so on.

    Copies that the session already has are kept. Ends when `budget` bytes are full. None without images.
    """
    found = session.activations
    if found is None or found.data is None or found.data.kind != "images":
        return session.pictures if isinstance(session.pictures, StoredPictures) else None
    held = dict(session.pictures.encoded) if isinstance(session.pictures, StoredPictures) else {}
    size = sum(map(len, held.values()))
    wanted = [i for i in dict.fromkeys(_wanted(session)) if i not in held]
    for done, index in enumerate(wanted):
        if done % 32 == 0:
            progress(done, len(wanted), "keeping copies of the strongest images")
        if size > budget:
            break
        try:
            copy = encode_picture(found.data.picture(index))
        except UnreadableSample:  # it was readable during the pass; a file may have gone since
            continue
        held[index] = copy
        size += len(copy)
    return StoredPictures(held)


def _wanted(session: Session) -> Iterator[int]:
    """Indices of samples, the most important first; the layers that stand for a column before the rest."""
    found = session.activations
    assert found is not None
    first = [g.representative for g in session.analysis.groups if g.representative in found.layers]
    rest = [name for name in found.layers if name not in first]
    for layers in (first, rest):
        depth = max((found[name].top_samples.shape[1] for name in layers), default=0)
        for rank in range(depth):
            for name in layers:
                column = found[name].top_samples
                if rank < column.shape[1]:
                    yield from (int(i) for i in column[:, rank] if i >= 0)
