"""Each measure where its value is known in closed form, and beside a peer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from explained import Drawn, Known, Sum, Table, case, traced
from torch import nn

from cnnvis.compute.probe import probe
from cnnvis.compute.scorecard.controls import controls, smoothness
from cnnvis.compute.scorecard.deletion import Deletion, order, shares
from cnnvis.compute.scorecard.infidelity import Infidelity, scaled
from cnnvis.compute.scorecard.localisation import Localisation, box_of, overlap
from cnnvis.compute.scorecard.max_sensitivity import MaxSensitivity
from cnnvis.compute.scorecard.parts import correlation, grid, rank_correlation, ranks, sums
from cnnvis.compute.scorecard.randomisation import Randomisation, drawn, put, stages
from cnnvis.compute.scorecard.sensitivity import Sensitivity
from cnnvis.compute.scorecard.stability import Stability
from cnnvis.compute.trace import trace
from cnnvis.model.target import Target
from cnnvis.model.truth import Truth
from cnnvis.progress import silent


@pytest.mark.parametrize(
    ("kind", "values", "steps", "area"),
    [
        ("deletion", [0.0, 0.3, 1.0], 2, 0.4),
        ("insertion", [0.0, 0.7, 1.0], 2, 0.6),
        ("deletion", [0.0, 0.3, 0.3, 0.3, 0.3, 1.0], 3, 0.41),
        ("insertion", [0.0, 0.7, 0.7, 0.7, 0.7, 1.0], 3, 0.59),
    ],
)
def test_deletion_and_insertion_are_areas_over_the_true_shares(
    kind: str, values: list[float], steps: int, area: float
) -> None:
    """The curves of torch-cam's tests, with steps that divide the pixels and with such that do not."""
    x = torch.ones(1, 1, len(values) - 1)
    found = _areas(Table(values), x, np.arange(len(values) - 1.0)[None], steps)
    assert found[kind] == pytest.approx(area)


def _areas(model: nn.Module, x: torch.Tensor, values: np.ndarray, steps: int = 32) -> dict[str, float]:
    """Areas with zero in the place of the removed, of the score of output 0."""
    model, network = traced(model, x)
    with probe(model, network) as opened:
        about = case(opened, x, values, Target(network.output, (0,)))
        curves, _ = Deletion(steps).curves(about, {"": values}, "zero", silent)
    return {kind: float(np.trapezoid(c[1], c[0])) for (_, kind), c in curves.items()}


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.rand(1, 6, 6) + 0.5


def test_a_target_that_any_removed_pixel_kills_has_a_deletion_of_half_a_step(pixels: torch.Tensor) -> None:
    found = _areas(Table([0.0] * 36 + [1.0]), pixels, np.random.default_rng(0).random((6, 6)))
    assert found["deletion"] == pytest.approx(0.5 * shares(36, 32)[1])


def test_a_target_that_any_pixel_suffices_has_an_insertion_of_one_but_half_a_step(pixels: torch.Tensor) -> None:
    found = _areas(Table([0.0] + [1.0] * 36), pixels, np.random.default_rng(0).random((6, 6)))
    assert found["insertion"] == pytest.approx(1 - 0.5 * shares(36, 32)[1])


def test_ties_are_removed_in_reading_order() -> None:
    np.testing.assert_array_equal(order(np.array([[1.0, 2.0], [2.0, 1.0]])), [[2, 0], [1, 3]])
    np.testing.assert_array_equal(order(np.zeros((2, 3))), [[0, 1, 2], [3, 4, 5]])


def test_evidence_of_a_sum_is_its_summands_and_its_opposite_is_wrong() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 18, 27)
    model, network = traced(Sum(torch.ones(18 * 27)), x)
    values = x[0].numpy().astype(float)
    with probe(model, network) as opened:
        for sign in (1, -1):
            about = case(opened, x, sign * values, Target(network.output, (0,)))
            for fill in ("zero", "mean"):
                found = Sensitivity(100, fill=fill)(about).scores
                assert found["sensitivity-n"] == pytest.approx(sign, abs=1e-5)
                assert found["mufidelity"] == pytest.approx(sign, abs=1e-3)


def test_exact_evidence_has_no_infidelity_and_twice_of_it_none_at_its_scale() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(1, 12, 16), torch.randn(12 * 16)
    model, network = traced(Sum(weight), x)
    exact = (weight.reshape(12, 16) * x[0]).numpy().astype(float)
    with probe(model, network) as opened:
        for times in (1, 2):
            about = case(opened, x, times * exact, Target(network.output, (0,)))
            found = Infidelity(fill="zero")(about).scores
            assert found["infidelity/scaled"] == pytest.approx(0, abs=1e-6)
            assert (found["infidelity"] < 1e-8) == (times == 1)
    assert scaled(np.zeros(3), np.ones(3)) == 1


def test_infidelity_agrees_with_captum() -> None:
    metrics = pytest.importorskip("captum.metrics")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 6 * 8, 2)).eval()
    x = torch.randn(1, 8, 10)
    network = trace(model, x)
    values = np.random.default_rng(1).normal(size=(8, 10))
    measure = Infidelity(20, share=0.25, fill="zero")
    with probe(model, network) as opened:
        about = case(opened, x, values, Target(network.output, (1,)))
        found, holes = measure(about).scores, measure.holes(about)

    def perturbed(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gone = torch.from_numpy(holes)[:, None].to(inputs)
        return gone, inputs * (1 - gone)

    attributions = torch.from_numpy(values)[None, None].float()
    plain, best = (
        float(
            metrics.infidelity(
                model, perturbed, x[None], attributions, target=1, n_perturb_samples=20, normalize=normalize
            )
        )
        for normalize in (False, True)
    )
    assert found["infidelity"] == pytest.approx(plain, rel=1e-4)
    with torch.no_grad():
        loss = (model(x[None]) - model(perturbed(x[None])[1]))[:, 1].double().numpy()
    assert found["infidelity/scaled"] == pytest.approx(best / np.mean(loss**2), rel=1e-4)


def test_the_sensitivity_of_what_does_not_depend_on_the_input_is_zero_and_of_the_input_its_noise() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 8, 8)
    model, network = traced(Sum(torch.ones(64)), x)
    with probe(model, network) as opened:
        target = Target(network.output, (0,))
        still = case(opened, x, Known("centre")(opened, x[None], target).values, target, method=Known("centre"))
        assert MaxSensitivity()(still).scores["max-sensitivity"] == 0
        moved = case(opened, x, x[0].numpy(), target, method=Known("input"))
        found = MaxSensitivity(0.05, 20)(moved).scores["max-sensitivity"]
    reach = 0.05 * float(x.max() - x.min())
    assert 0.4 < found / (reach * 8 / float(x.norm())) < 0.75  # the norm of uniform noise is 1 / √3 of the reach


def test_max_sensitivity_agrees_with_captum_in_the_limit() -> None:
    metrics = pytest.importorskip("captum.metrics")
    torch.manual_seed(0)
    x = torch.randn(1, 8, 8)
    model, network = traced(Sum(torch.ones(64)), x)
    reach = 0.02 * float(x.max() - x.min())
    theirs = float(metrics.sensitivity_max(lambda t: t, x[None], perturb_radius=reach, n_perturb_samples=50))
    with probe(model, network) as opened:
        about = case(opened, x, x[0].numpy(), Target(network.output, (0,)), method=Known("input"))
        ours = MaxSensitivity(0.02, 50)(about).scores["max-sensitivity"]
    assert ours == pytest.approx(theirs, rel=0.1)


def test_a_method_without_a_seed_is_stable_without_being_run() -> None:
    x = torch.rand(1, 8, 8)
    model, network = traced(Sum(torch.ones(64)), x)
    with probe(model, network) as opened:
        about = case(opened, x, np.eye(8), Target(network.output, (0,)))
        assert Stability().bill(about).runs == 0
        assert Stability()(about).scores == {"jaccard": 1.0, "rank correlation": 1.0}
        chance = case(opened, x, Drawn(0)(opened, x[None], about.target).values, about.target, method=Drawn(0))
        assert Stability().bill(chance).runs == 4
        found = Stability()(chance).scores
    assert found["jaccard"] < 0.4
    assert abs(found["rank correlation"]) < 0.2


def test_a_method_that_learns_by_chance_learns_anew_for_each_repetition() -> None:
    x = torch.rand(1, 8, 8)
    model, network = traced(Sum(torch.ones(64)), x)
    learned = []

    def prepare(method: Drawn, opened: object) -> Known:
        learned.append(method.seed)
        return Known()  # what it finds then does not depend on the seed at hand

    with probe(model, network) as opened:
        values = Known()(opened, x[None], Target(network.output, (0,))).values
        about = case(opened, x, values, Target(network.output, (0,)), method=Drawn(7), prepare=prepare)
        bill = Stability(runs=3).bill(about)
        assert (bill.runs, bill.networks) == (0, 2)
        assert Stability(runs=3)(about).scores["jaccard"] == 1.0
    assert learned == [8, 9]


def test_randomisation_goes_from_the_output_down_and_leaves_other_weights() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(32, 3)).eval()
    network = trace(model, torch.rand(1, 8, 8))
    found = stages(model, network, 6)
    assert [names[0] for names in found] == ["4.weight", "2.weight", "0.weight"]
    assert {n for group in stages(model, network, 2) for n in group} == {n for n, _ in model.named_parameters()}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    put(model, drawn(model, 0), found[0])
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"4.weight", "4.bias"}
    assert float(model[4].weight.detach().std()) == pytest.approx(float(before["4.weight"].std()), rel=0.3)


def test_a_map_of_the_image_alone_survives_random_weights() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 12, 12)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3)).eval()
    network = trace(model, x)
    with probe(model, network) as opened:
        target = Target(network.output, (0,))
        values = Known("edges")(opened, x[None], target).values
        found = Randomisation()(case(opened, x, values, target, method=Known("edges")))
    assert found.scores["randomised"] == pytest.approx(1.0)
    assert found.curves["randomised"].shape == (2, 2)


def test_the_random_control_is_as_smooth_as_the_map() -> None:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(size=(96, 96))
    for sigma in (1.0, 4.0):
        assert smoothness(gaussian_filter(noise, sigma)) == pytest.approx(sigma, rel=0.15)
    assert smoothness(noise) < 0.5
    found = controls(gaussian_filter(noise, 4), torch.zeros(1, 3, 96, 96), 0)
    assert smoothness(found["random"]) == pytest.approx(4.0, rel=0.2)
    assert set(found) == {"random", "centre", "edges"}
    assert set(controls(np.ones(5), torch.zeros(1, 5), 0)) == {"random"}


def test_localisation_is_one_on_the_thing_and_zero_beside_it() -> None:
    part = np.zeros((10, 10), bool)
    part[2:5, 3:7] = True
    truth = Truth((2, 3, 5, 7), part)
    x = torch.rand(1, 10, 10)
    model, network = traced(Sum(torch.ones(100)), x)
    with probe(model, network) as opened:
        on, beside = (case(opened, x, v, Target(network.output, (0,)), truth=truth) for v in (part, ~part))
        assert Localisation()(on).scores == {"pointing": 1.0, "box overlap": 1.0, "on part": 1.0}
        found = Localisation()(beside)
        assert (found.scores["pointing"], found.scores["on part"]) == (0.0, 0.0)
        assert found.facts["area of part"] == 0.12
    assert box_of(np.zeros((3, 3))) is None
    assert overlap((0, 0, 2, 2), (0, 0, 2, 4)) == 0.5


def test_correlations_of_flat_values_are_told() -> None:
    flat, slope = np.full(5, 0.1), np.arange(5.0)
    assert (correlation(flat, slope), correlation(flat, flat)) == (0, 1)
    assert rank_correlation(slope, -slope) == pytest.approx(-1)


def test_equal_values_share_their_mean_rank() -> None:
    from scipy.stats import rankdata

    values = np.random.default_rng(0).integers(0, 9, (5, 6)).astype(float)
    np.testing.assert_array_equal(ranks(values), rankdata(values, axis=None))


def test_parts_of_an_image_hold_all_of_it() -> None:
    for shape in ((32, 32), (5, 40), (7,)):
        values = np.random.default_rng(0).random(shape)
        assert sums(values, grid(shape)).sum() == pytest.approx(values.sum())
    assert grid((32, 48)).max() == 80
