"""LIME for pictures against the authors' program, a model linear in the segments, and pictures that do not do."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import Lime
from cnnvis.compute.methods.lime import designed, segmented
from cnnvis.compute.trace import trace
from cnnvis.errors import CnnvisError, InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def small(size: tuple[int, int] = (24, 32), channels: int = 3) -> tuple[nn.Module, Network, Tensor]:
    torch.manual_seed(0)
    maps = (nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(4))
    model = nn.Sequential(*maps, nn.Flatten(), nn.Linear(96, 3)).eval()
    x = torch.rand(channels, 4, 4).repeat_interleave(size[0] // 4, 1).repeat_interleave(size[1] // 4, 2)
    x = x + 0.05 * torch.randn(channels, *size)
    return model, trace(model, x), x


def found(model: nn.Module, network: Network, x: Any, method: Lime, **more: Any) -> Map:
    evidence = attribute(model, network, x, Target(network.output, (1,)), method, **more).evidence
    assert isinstance(evidence, Map)
    return evidence


def test_a_model_linear_in_the_segments_is_recovered() -> None:
    x = small()[2].mean(0, keepdim=True)
    segments = segmented(x, 28)
    n = int(segments.max()) + 1
    truth = np.random.default_rng(0).standard_normal(n)
    model = nn.Sequential(nn.Flatten(), nn.Linear(x.numel(), 2, bias=False)).eval()
    shares = [torch.from_numpy(segments == k).float() for k in range(n)]
    with torch.no_grad():
        model[1].weight[1] = sum(float(t) * s / (s * x[0]).sum() for t, s in zip(truth, shares)).flatten()
    evidence = found(model, trace(model, x), x, Lime(28, 8192, fill="zero"))
    inside = [float(np.median(evidence.values[segments == k])) for k in range(n)]
    np.testing.assert_allclose(inside, truth, atol=3e-3)
    assert evidence.facts["r2"] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("design", ["hadamard", "random"])
def test_the_same_masks_give_the_coefficients_of_the_authors_program(design: Any) -> None:
    base = pytest.importorskip("lime.lime_base")
    from sklearn.metrics import pairwise_distances

    model, network, x = small()
    segments = segmented(x, 28)
    n = int(segments.max()) + 1
    masks = designed(design, n, 256, 3)
    means = torch.stack([x[:, torch.from_numpy(segments == k)].mean(1) for k in range(n)], 1)
    off = means[:, torch.from_numpy(segments)]
    keep = torch.from_numpy(masks[:, segments])[:, None]
    with torch.no_grad():
        values = model(torch.where(keep, x, off)).double().numpy()
    data = masks.astype(np.float64)
    distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
    peer = base.LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    intercept, pairs, score, _ = peer.explain_instance_with_data(data, values, distances, 1, 100_000)
    expected = np.zeros(n)
    for segment, weight in pairs:
        expected[segment] = weight
    evidence = found(model, network, x, Lime(28, 256, design, seed=3))
    np.testing.assert_allclose(evidence.values, expected[segments], atol=1e-5)
    assert evidence.facts["r2"] == pytest.approx(score, abs=1e-6)
    assert np.isfinite(intercept)


@pytest.mark.parametrize("n_segments", [6, 31, 32, 80])
def test_the_fixed_design_is_balanced_and_orthogonal(n_segments: int) -> None:
    masks = designed("hadamard", n_segments, 256, 0)
    assert masks.shape == (256, n_segments)
    assert masks[0].all()
    signs = 2.0 * masks - 1
    np.testing.assert_array_equal(signs.T @ signs, 256 * np.eye(n_segments))
    np.testing.assert_array_equal(masks[::2], ~masks[1::2])


def test_the_fixed_design_grows_where_there_are_more_segments_than_samples() -> None:
    assert len(designed("hadamard", 40, 10, 0)) == 128
    assert len(designed("random", 40, 10, 0)) == 10


def test_two_runs_give_the_same_bytes_and_another_seed_other_masks() -> None:
    model, network, x = small()
    one, same, other = (found(model, network, x, Lime(n_samples=128, seed=s)).values for s in (0, 0, 1))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


def test_facts_say_how_far_to_trust_it() -> None:
    model, network, x = small()
    facts = found(model, network, x, Lime()).facts
    assert facts["n_samples"] == Lime().cost(network).forward == 512
    assert 0 < facts["r2"] <= 1
    assert 1 < facts["effective_samples"] <= facts["n_samples"]
    assert 0.5 < facts["stability"] <= 1
    assert 0 < facts["stability_of_top_5"] <= 1
    narrow = found(model, network, x, Lime(width=0.05)).facts
    assert narrow["effective_samples"] < 20


def test_a_map_is_level_within_segments_and_pictures_may_be_small_grey_or_of_any_fill() -> None:
    model, network, x = small((12, 20), channels=1)
    for fill in ("segment", "mean", "zero", "blur"):
        values = found(model, network, x, Lime(12, 64, fill=fill)).values  # type: ignore[arg-type]
        segments = segmented(x, 12)
        assert all(len(np.unique(values[segments == k])) == 1 for k in range(int(segments.max()) + 1))


def test_a_target_that_never_changes_is_said() -> None:
    model, network, x = small()
    with torch.no_grad():
        model[4].weight.zero_()
    facts = found(model, network, x, Lime(n_samples=128)).facts
    assert "does not change" in facts["says"]
    assert facts["r2"] == 0


def test_too_few_segments_are_refused_in_a_sentence() -> None:
    model, network, x = small((4, 4))
    with pytest.raises(InvalidValue, match=r"at least 6 segments; this one of 4×4 pixels falls into \d.*occlusion"):
        found(model, network, x, Lime(6))
    with pytest.raises(InvalidValue, match=r"Lime\.n_segments must be at least 6"):
        found(model, network, x, Lime(1))


def test_parameters_that_do_not_fit_are_refused_in_a_sentence() -> None:
    model, network, x = small()
    with pytest.raises(InvalidValue, match=r"Lime\.design must be 'hadamard' or 'random'; got 'sobol'"):
        found(model, network, x, Lime(design="sobol"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"Lime\.fill must be one of segment"):
        found(model, network, x, Lime(fill="black"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"Lime\.width"):
        found(model, network, x, Lime(width=0.0))


def test_without_scikit_image_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    model, network, x = small()
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(CnnvisError, match=r'pip install "cnnvis\[lime\]"'):
        found(model, network, x, Lime())
