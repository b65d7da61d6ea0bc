"""Gradients with respect to weights, through a model that stays frozen."""

from __future__ import annotations

import copy

import pytest
import torch
from nets import NETS, batch_of, made
from states import state_of
from torch import Tensor, nn

from cnnvis.compute.probe import probe
from cnnvis.compute.trace import trace

KINDS = list(NETS)


def first(output: object) -> Tensor:
    """The first tensor of whatever a network returns."""
    if isinstance(output, Tensor):
        return output
    values = list(output.values()) if isinstance(output, dict) else list(output)  # type: ignore[call-overload]
    return next(v for v in values if isinstance(v, Tensor))


def by_autograd(model: nn.Module, batch: object) -> dict[str, Tensor | None]:
    """The plain way: a copy of the model whose parameters are trainable."""
    own = copy.deepcopy(model).eval().requires_grad_(True)
    (first(own(*batch) if isinstance(batch, tuple) else own(batch)) ** 2).sum().backward()
    return {name: p.grad for name, p in own.named_parameters()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_every_weight_is_that_of_plain_autograd(kind: str) -> None:
    model, example = made(kind)
    network = trace(model, example)
    batch = batch_of(kind, 3)
    before = state_of(model)
    run = probe(model, network).run(batch, weights=True)
    leaves = {name: leaf for node in run.weights.values() for name, leaf in node.items()}
    with torch.enable_grad():
        total = (first(run.output) ** 2).sum()
    found = dict(zip(leaves, torch.autograd.grad(total, list(leaves.values()), allow_unused=True)))
    assert state_of(model) == before
    for name, expected in by_autograd(model, batch).items():
        if expected is None:
            assert found.get(name) is None
            continue
        grad = found[name]
        assert grad is not None, name
        assert torch.allclose(grad, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()) + 1e-9), name


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_named_at_the_node_that_computes_with_them(kind: str) -> None:
    model, example = made(kind)
    network = trace(model, example)
    run = probe(model, network).run(batch_of(kind, 2), weights=True)
    names = {name: p.numel() for name, p in model.named_parameters()}
    for layer in network.layers:
        if layer.role == "compute" and layer.name in run.weights and not layer.folds:
            assert sum(names[n] for n in run.weights[layer.name]) == layer.parameters, layer.name


def test_without_asking_nothing_is_differentiable() -> None:
    model, example = made("chain")
    run = probe(model, trace(model, example)).run(batch_of("chain", 2))
    assert run.weights == {}
    assert not first(run.output).requires_grad
