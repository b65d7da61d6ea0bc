"""The scorecard as a whole: what it flags, what it costs, and that it leaves the network alone."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from explained import Drawn, Known, Learned, Sum, traced
from nets import mlp
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import GradCam, Saliency
from cnnvis.compute.scorecard.card import MEASURES, cost, measure, scorecard
from cnnvis.compute.scorecard.deletion import Deletion
from cnnvis.compute.scorecard.infidelity import Infidelity
from cnnvis.compute.scorecard.max_sensitivity import MaxSensitivity
from cnnvis.compute.scorecard.randomisation import Randomisation, stages
from cnnvis.compute.scorecard.sensitivity import Sensitivity
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, UnknownName
from cnnvis.model.attribution import Attribution, Picture, Vector
from cnnvis.model.network import Network
from cnnvis.model.scorecard import SCORES, Scorecard
from cnnvis.model.target import Target
from cnnvis.model.truth import Truth
from cnnvis.sources.demo import demo

SAME = "it shows the image, not the network"


@pytest.fixture(scope="module")
def healthy() -> tuple[nn.Module, Network, Any]:
    model, scenes, classes = demo("healthy", 20)
    return model, trace(model, scenes[0][0], classes=classes), scenes


def judged(healthy: tuple[nn.Module, Network, Any], method: Any, index: int, **more: Any) -> Scorecard:
    model, network, scenes = healthy
    scene = scenes.scene(index)
    found = attribute(model, network, scenes[index], Target(network.output, (scene.label,)), method, index=index)
    return scorecard(model, network, scenes[index], found, method, truth=Truth(scene.box, scene.mask), **more)


def state(model: nn.Module) -> list[Any]:
    return [
        {k: v.clone() for k, v in model.state_dict().items()},
        [m.training for m in model.modules()],
        [(p.requires_grad, p.grad) for p in model.parameters()],
        [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules()],
    ]


def alike(one: list[Any], other: list[Any]) -> bool:
    weights = all(torch.equal(one[0][k], other[0][k]) for k in one[0])
    return weights and one[1:] == other[1:]


def test_grad_cam_on_a_healthy_network_raises_no_flag(healthy: tuple[nn.Module, Network, Any]) -> None:
    cards = [judged(healthy, GradCam(), i) for i in (0, 1)]
    assert [card.verdicts for card in cards] == [(), ()]
    assert all(set(card.scores) <= set(SCORES) for card in cards)
    assert all(card.value == "probability" for card in cards)
    assert np.mean([card.advantage() for card in cards]) > 0.7


@pytest.mark.parametrize("what", ["edges", "centre"])
def test_a_map_that_does_not_depend_on_the_weights_is_flagged(healthy: Any, what: str) -> None:
    card = judged(healthy, Known(what), 1)
    assert any(SAME in verdict for verdict in card.verdicts)
    words = "An edge detector" if what == "edges" else "A blob in the centre of the image"
    assert any(words in verdict for verdict in card.verdicts)


def test_a_map_of_chance_is_flagged_as_one_that_nobody_can_repeat(healthy: Any) -> None:
    said = " ".join(judged(healthy, Drawn(), 1, measures=["deletion", "stability"]).verdicts)
    assert "Run again with another seed" in said
    assert "does better" in said


def test_the_cost_is_known_to_the_evaluation(healthy: Any) -> None:
    model, network, scenes = healthy
    found = attribute(model, network, scenes[0], Target(network.output, (0,)), GradCam())
    counted: list[int] = []

    class Counting:
        """A progress that also takes partial results."""

        def __call__(self, done: int, total: int, what: str = "") -> None:
            counted.append(done)
            assert 0 <= done <= total

        def partial(self, card: Scorecard) -> None:
            cards.append(card)

    cards: list[Scorecard] = []
    known = cost(model, network, scenes[0], found, GradCam())
    card = scorecard(model, network, scenes[0], found, GradCam(), progress=Counting())
    assert known.evaluations == card.evaluations
    assert known.seconds > 0
    assert counted == sorted(counted)
    sizes = [len(c.scores) for c in cards]
    assert sizes == sorted(sizes)
    assert len(cards) == sum(m.name not in ("completeness", "localisation") for m in MEASURES)
    assert cards[-1].scores == card.scores


@pytest.mark.parametrize("asks", [True, False])
def test_what_a_method_runs_and_learns_is_known_before(healthy: Any, asks: bool) -> None:
    model, network, scenes = healthy
    method, more = Learned(asks), {"data": scenes, "rows": (0, 1)}
    found = attribute(model, network, scenes[0], Target(network.output, (0,)), method, **more)
    known = cost(model, network, scenes[0], found, method, **more)
    Learned.counted.clear()
    scorecard(model, network, scenes[0], found, method, **more)
    runs = Learned.counted.count("run")
    assert runs == known.runs
    # Only what is learned from the network's answers is learned anew for random weights.
    networks = len(stages(model, network, 6)) + Randomisation().draws - 1
    assert Learned.counted.count("learned") == (1 + networks if asks else 1)
    assert known.seconds > 0


def test_foretelling_the_cost_can_be_stopped(healthy: Any) -> None:
    model, network, scenes = healthy
    method, more = Learned(), {"data": scenes, "rows": (0, 1)}
    found = attribute(model, network, scenes[0], Target(network.output, (0,)), method, **more)
    before = state(model)

    def stop(done: int, total: int, what: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        cost(model, network, scenes[0], found, method, **more, progress=stop)
    assert alike(before, state(model))


def test_the_same_seed_gives_the_same_card(healthy: Any) -> None:
    few = (Deletion(4), Sensitivity(40), Infidelity(16), Randomisation(2, 1), MaxSensitivity(samples=2))
    one, again, other = (judged(healthy, GradCam(), 1, seed=seed, measures=few) for seed in (3, 3, 4))
    assert one.scores == again.scores
    assert one.controls == again.controls
    assert one.scores["sensitivity-n"] != other.scores["sensitivity-n"]


def test_a_measure_alone_finds_the_same_as_among_all(healthy: Any) -> None:
    alone = judged(healthy, Saliency(), 2, measures=["sensitivity"])
    assert set(alone.scores) == {"sensitivity-n", "mufidelity"}
    every = judged(healthy, Saliency(), 2, measures=[Deletion(2), "sensitivity", "infidelity"])
    assert every.scores["mufidelity"] == alone.scores["mufidelity"]
    joined = judged(healthy, Saliency(), 2, measures=[Deletion(8)]).joined(alone)
    assert {"deletion/blur", "mufidelity"} <= set(joined.scores)


@pytest.mark.parametrize("stop", [3, 40])
def test_a_cancel_anywhere_leaves_the_model_as_it_was(healthy: Any, stop: int) -> None:
    model, network, scenes = healthy
    model.train()
    next(model.parameters()).requires_grad_(False)
    before = state(model)
    found = attribute(model, network, scenes[0], Target(network.output, (0,)), GradCam())
    calls = 0

    def progress(done: int, total: int, what: str = "") -> None:
        nonlocal calls
        calls += 1
        if calls == stop:
            raise Cancelled

    with pytest.raises(Cancelled):
        scorecard(model, network, scenes[0], found, GradCam(), progress=progress)
    assert alike(before, state(model))
    model.eval()


def test_random_weights_are_those_of_a_copy(healthy: Any) -> None:
    model, network, scenes = healthy
    before = state(model)
    found = attribute(model, network, scenes[0], Target(network.output, (0,)), GradCam())
    scorecard(model, network, scenes[0], found, GradCam(), measures=[Randomisation(3, 1)])
    assert alike(before, state(model))


def test_a_neuron_is_judged_by_its_own_score(healthy: Any) -> None:
    model, network, scenes = healthy
    layer = [x for x in network.drawn if len(x.spatial) == 2][-2]
    target = Target(layer.name, (0, 1))
    found = attribute(model, network, scenes[0], target, GradCam())
    card = scorecard(model, network, scenes[0], found, GradCam(), measures=[Deletion(4), "infidelity", "sensitivity"])
    assert card.value == "score"
    assert np.isfinite(list(card.scores.values())).all()


class Weights:
    """What a linear network multiplies with each feature."""

    title, paper, family, takes = "Weights", "none", "gradients", "row"

    def __init__(self, model: nn.Module, features: tuple[str, ...]) -> None:
        self.model, self.features = model, features

    def cost(self, network: Network) -> Any:
        return GradCam().cost(network)

    def __call__(self, probe: Any, inputs: torch.Tensor, target: Target, progress: Any = None) -> Vector:
        weight = next(p for n, p in probe.model.named_parameters() if n.endswith("fc.weight"))
        values = (weight[target.units[0]] * inputs[0]).detach().numpy()
        return Vector(values, self.features, {"expected_sum": float(values.sum())})


def test_rows_of_a_table_are_judged_feature_by_feature() -> None:
    torch.manual_seed(0)
    model, network = traced(Sum(torch.randn(12)), torch.randn(12))
    x = torch.randn(12)
    method = Weights(model, tuple("abcdefghijkl"))
    found = attribute(model, network, x, Target(network.output, (0,)), method)
    card = scorecard(model, network, x, found, method)
    assert card.scores["mufidelity"] > 0.8
    assert card.scores["completeness"] == pytest.approx(0, abs=1e-6)
    assert "deletion/blur" not in card.scores
    assert card.scores["deletion/mean"] < card.controls["random"]["deletion/mean"]
    assert set(card.controls) == {"random"}


def test_evidence_that_is_not_on_the_input_is_refused_in_words() -> None:
    model = mlp().eval()
    network, x = trace(model, torch.randn(7)), torch.randn(7)
    made = Picture(np.zeros((1, 4, 4, 3), np.uint8), np.zeros(1, np.float32))
    wrong = Attribution(made, -1, Target(network.output, (0,)), "Known", {"what": "centre"}, {})
    with pytest.raises(InvalidValue, match="evidence on the input"):
        scorecard(model, network, x, wrong, Known())
    with pytest.raises(InvalidValue, match=r"must be the one of the explanation, Known"):
        scorecard(model, network, x, wrong, Known("edges"))
    with pytest.raises(UnknownName, match="Did you mean 'deletion'"):
        measure("deletio")


def test_every_field_of_a_card_is_frozen() -> None:
    card = Scorecard("k", "m", {"pointing": 1.0})
    assert {f.name for f in fields(card)} >= {"scores", "controls", "evaluations", "seconds"}
    with pytest.raises(TypeError):
        card.scores["pointing"] = 0.0  # type: ignore[index]
