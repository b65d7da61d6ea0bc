"""Maps that know nothing of the network: at random, a blob in the centre, an edge detector.

What they score is what an explanation must beat. The random one is as smooth as the map it stands beside, for smooth
orders remove whole things and rough ones sprinkle holes. For a row there is only the random one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, sobel
from torch import Tensor

_STREAM = 77


def controls(values: NDArray[np.float64], x: Tensor, seed: int) -> dict[str, NDArray[np.float64]]:
    """The controls of a map (h, w) or a row's evidence (n,), by name; `x` (1, …) is the input."""
    rng = np.random.default_rng((seed, _STREAM))
    noise = rng.standard_normal(values.shape)
    if values.ndim == 1:
        return {"random": noise}
    noise = gaussian_filter(noise, smoothness(values), mode="reflect")
    return {"random": noise, "centre": centre(*values.shape), "edges": edges(x)}


def smoothness(values: NDArray[np.float64]) -> float:
    """The width σ in pixels of the Gaussian that turns white noise into something as smooth as a map.

    Such noise correlates over one pixel by exp(−1 / 4σ²); the same is measured of the map. At most a sixth of its side.
    """
    spread = 2.0 * float(values.var())
    steps = [np.diff(values, axis=axis) for axis in (0, 1)]
    step = float(np.mean([np.mean(s**2) for s in steps if s.size])) if any(s.size for s in steps) else 0.0
    most = float(min(values.shape)) / 6
    if spread <= 0 or step <= 0:
        return most
    correlation = 1.0 - step / spread
    if correlation <= 0:
        return 0.0
    width = float(np.sqrt(-1.0 / (4.0 * np.log(min(correlation, 1 - 1e-9)))))
    return min(width, most)


def centre(h: int, w: int) -> NDArray[np.float64]:
    """A blob in the middle, as wide as a quarter of each side."""
    rows, columns = (np.linspace(-2, 2, n) if n > 1 else np.zeros(1) for n in (h, w))
    return np.asarray(np.exp(-0.5 * (rows[:, None] ** 2 + columns[None, :] ** 2)))


def edges(x: Tensor) -> NDArray[np.float64]:
    """The size of Sobel's gradient of a picture (1, c, h, w), the mean over its channels."""
    planes = x[0].detach().double().cpu().numpy()
    return np.asarray(np.mean([np.hypot(sobel(p, 0), sobel(p, 1)) for p in planes], axis=0))
