"""Pooled responses of every sample on disk, so that memory does not grow with the number of images."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float16).max)

_PIECE = 1 << 22
"""Values copied at once."""


class PooledFile:
    """Float16 responses (samples, units) of several layers in one file, a block per layer.

    Written by plain writes and mapped only for reading: mapped pages that are written count as memory. The file
    has no name, or is deleted, unless a folder is given; it goes with the last array that is mapped from it.
    """

    def __init__(self, n_samples: int, widths: Mapping[str, int], folder: str | os.PathLike[str] | None = None) -> None:
        self._n = n_samples
        self._widths = dict(widths)
        self._file: IO[bytes]
        if folder is None:
            self._file = tempfile.TemporaryFile(buffering=0, prefix="cnnvis-")  # noqa: SIM115  (closed by close)
        else:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                "w+b", 0, prefix="pooled-", suffix=".f16", dir=folder, delete=False
            )
        total = n_samples * sum(self._widths.values())
        self._file.truncate(max(2 * total, 2))
        self._map: NDArray[np.float16] | None = None

    def write(self, rows: NDArray[np.int64], pooled: NDArray[np.float32]) -> None:
        """Stores the responses (b, units of all layers) of ascending rows; rows between them are set to 0."""
        first = int(rows[0])
        block = np.zeros((int(rows[-1]) - first + 1, pooled.shape[1]), np.float16)
        block[rows - first] = np.clip(pooled, -_LARGEST, _LARGEST)
        start = column = 0
        for width in self._widths.values():
            self._file.seek(2 * (start + first * width))
            self._file.write(block[:, column : column + width].tobytes())
            start += self._n * width
            column += width

    def put(self, layer: str, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float16]]]) -> None:
        """Stores one layer's responses, each part (b, units) at its rows; all rows of the file, a piece at a time."""
        names = list(self._widths)
        width = self._widths[layer]
        start = self._n * sum(self._widths[name] for name in names[: names.index(layer)])
        step = max(1, _PIECE // max(width, 1))
        for first in range(0, self._n, step):
            block = np.zeros((min(step, self._n - first), width), np.float16)
            for rows, pooled in parts:
                here = np.flatnonzero((rows >= first) & (rows < first + len(block)))
                block[rows[here] - first] = pooled[here]
            self._file.seek(2 * (start + first * width))
            self._file.write(block.tobytes())

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """Per layer its responses (samples, units), mapped read-only; rows that are written later appear in them."""
        if self._map is None:
            self._map = np.memmap(self._file, np.float16, "r")
        found, start = {}, 0
        for layer, width in self._widths.items():
            found[layer] = self._map[start : start + self._n * width].reshape(self._n, width)
            start += self._n * width
        return found

    def close(self) -> None:
        """Ends writing; arrays given before and after stay valid."""
        self.arrays()
        self._file.close()


class Scratch:
    """Float32 rows that come back in the order in which they were added, from a file that leaves no trace."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._file = tempfile.TemporaryFile(prefix="cnnvis-")  # noqa: SIM115

    def add(self, rows: NDArray[np.float32]) -> None:
        self._file.write(np.ascontiguousarray(rows, np.float32).tobytes())

    def parts(self, n: int = 1024) -> Iterator[NDArray[np.float32]]:
        """All rows so far, at most n at a time."""
        self._file.seek(0)
        while part := self._file.read(4 * self._width * n):
            yield np.frombuffer(part, np.float32).reshape(-1, self._width)

    def close(self) -> None:
        self._file.close()
