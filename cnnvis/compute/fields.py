"""Theoretical receptive fields, carried from operation to operation.

A field says which interval of the input each position of a map sees, per axis (see `Field`). A sliding window of
`kernel` cells, `dilation` apart, moved by `stride` and started `padding` cells before the map, sees
size + dilation (kernel − 1) jump, jumps stride · jump and starts padding · jump earlier. Where an operation makes
the map larger (transposed convolution, interpolation) jumps are fractions and sizes are upper bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis.model.network import Field

Axes = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The field of a tensor, and the axis on which its plane begins: 2 behind channels, 1 before them."""

    field: Field
    plane: int = 2


def of_input(n_axes: int) -> Field:
    """Every position of the input sees itself."""
    return Field((1.0,) * n_axes, (1.0,) * n_axes, (0.0,) * n_axes)


def windowed(field: Field, kernel: Axes, stride: Axes, padding: Axes, dilation: Axes) -> Field:
    """Behind a convolution or pooling."""
    return Field(
        tuple(s + d * (k - 1) * j for s, d, k, j in zip(field.size, dilation, kernel, field.jump)),
        tuple(j * t for j, t in zip(field.jump, stride)),
        tuple(a - p * j for a, p, j in zip(field.start, padding, field.jump)),
    )


def transposed(field: Field, kernel: Axes, stride: Axes, padding: Axes, dilation: Axes) -> Field:
    """Behind a transposed convolution: output p takes the inputs i with p = i · stride − padding + k · dilation."""
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    return Field(
        tuple(s + r / t * j for s, r, t, j in zip(field.size, reach, stride, field.jump)),
        tuple(j / t for j, t in zip(field.jump, stride)),
        tuple(a + (p - r) / t * j for a, p, r, t, j in zip(field.start, padding, reach, stride, field.jump)),
    )


def resized(field: Field, before: Sequence[int], after: Sequence[int], mode: str, aligned: bool) -> Field:
    """Behind an interpolation from a map of lengths `before` to one of lengths `after`."""
    taps = {"nearest": 0.0, "nearest-exact": 0.0, "bicubic": 2.0}.get(mode, 1.0)
    sizes, jumps, starts = [], [], []
    for size, jump, start, n, m in zip(field.size, field.jump, field.start, before, after):
        step = (n - 1) / (m - 1) if aligned and taps and m > 1 else n / m
        centre = 0.0 if aligned or not taps else 0.5 * step - 0.5
        early = 0.0 if step == int(step) else min(1.0, abs(1.0 - step))
        low, high = (-early, 0.0) if not taps else (centre - taps, centre + taps)
        sizes.append(size + (high - low) * jump)
        jumps.append(jump * step)
        starts.append(start + low * jump)
    return Field(tuple(sizes), tuple(jumps), tuple(starts))


def adaptive(field: Field, before: Sequence[int], after: Sequence[int]) -> Field | None:
    """Behind an adaptive pooling; None where it leaves one position that sees everything."""
    if all(m == 1 for m in after):
        return None
    kernel = tuple(float(n // m if n % m == 0 else n // m + 3) for n, m in zip(before, after))
    stride = tuple(n / m for n, m in zip(before, after))
    early = tuple(0.0 if n % m == 0 else 1.0 for n, m in zip(before, after))
    return windowed(field, kernel, stride, early, (1.0,) * len(kernel))


def sliced(field: Field, starts: Axes, steps: Axes) -> Field:
    """Behind a slice that starts at `starts` and takes every `steps`-th position; a pad starts before 0."""
    return Field(
        field.size,
        tuple(j * t for j, t in zip(field.jump, steps)),
        tuple(a + b * j for a, b, j in zip(field.start, starts, field.jump)),
    )


def union(fields: Sequence[Field]) -> Field | None:
    """What a position sees through several branches together; None where they do not fit."""
    if not fields or len({len(f.size) for f in fields}) > 1:
        return None
    start = tuple(min(f.start[a] for f in fields) for a in range(len(fields[0].size)))
    end = tuple(max(f.start[a] + f.size[a] for f in fields) for a in range(len(start)))
    jump = tuple(max(f.jump[a] for f in fields) for a in range(len(start)))
    return Field(tuple(e - s for s, e in zip(start, end)), jump, start)
