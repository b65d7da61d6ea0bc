"""Where the cells of a layer lie in the picture, and how maps are enlarged from there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import Cam, EigenCam, GradCam, GradCamPlusPlus, HiResCam, LayerCam, ScoreCam
from cnnvis.compute.planes import centres, grown
from cnnvis.compute.trace import trace
from cnnvis.model.attribution import Map
from cnnvis.model.network import Field, Layer
from cnnvis.model.target import Target

METHODS = (GradCam(), HiResCam(), GradCamPlusPlus(), LayerCam(), Cam(), ScoreCam(), EigenCam())
STEMS = {
    "unpadded": [nn.Conv2d(1, 2, 7, 2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(2, 2, 3, padding=1)],
    "padded and strided": [nn.Conv2d(1, 2, 7, 2, 3), nn.MaxPool2d(3, 2, 1), nn.Conv2d(2, 2, 3, 2, 1)],
    "even": [nn.Conv2d(1, 2, 4, 4), nn.Conv2d(2, 2, 2, 2)],
    "enlarged again": [nn.Conv2d(1, 2, 4, 4), nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3, padding=1)],
}


def layer(shape: tuple[int, ...], field: Field | None = None) -> Layer:
    return Layer("conv", "Conv2d", shape, n_units=shape[0], field=field)


@pytest.mark.parametrize("name", STEMS)
def test_a_cell_lies_in_the_middle_of_what_it_sees(name: str) -> None:
    model = nn.Sequential(*STEMS[name]).eval()
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    x = torch.ones(1, 1, 41, 57)
    network = trace(model, x[0])
    last = network[network.output]
    row, column = (n // 2 for n in last.spatial)
    x += torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    seen = []
    for other in (0, 1):  # a cell and its neighbour: a maximum or a copied cell sees one of several pixels
        for step in (0, 1):
            place = (row + step * (other == 0), column + step * (other == 1))
            (slope,) = torch.autograd.grad(model(x.requires_grad_())[0, 0][place], x)
            rows, columns = (torch.nonzero(slope[0, 0].sum(1 - axis)).flatten() for axis in (0, 1))
            seen.append((place, rows, columns))
    slack = 2.0 if "enlarged" in name or any(isinstance(m, nn.MaxPool2d) for m in model) else 1e-9
    for place, *sides in seen:
        for axis, side in enumerate(sides):
            middle = float(side.min() + side.max()) / 2
            assert abs(centres(last, axis, x.shape[2 + axis])[place[axis]] - middle) <= slack


def test_squeezenets_last_cells_lie_inward_and_resnets_outward() -> None:
    """The figures of both networks' layers, of 13 cells on 227 pixels and of 7 on 224."""
    squeezed = layer((1, 13, 13), Field((123.0,) * 2, (16.0,) * 2, (-44.0,) * 2))
    residual = layer((1, 7, 7), Field((427.0,) * 2, (32.0,) * 2, (-213.0,) * 2))
    assert centres(squeezed, 0, 227)[[0, -1]].tolist() == [17, 209]
    assert centres(residual, 1, 224)[[0, -1]].tolist() == [0, 192]


def test_between_cells_it_is_bilinear_and_beyond_them_it_goes_on() -> None:
    torch.manual_seed(0)
    maps, field = torch.randn(3, 5, 4), Field((9.0, 3.0), (4.0, 5.0), (-1.0, 2.0))  # centres 3, 7 … and 3, 8 …
    y, x = torch.meshgrid(torch.arange(30.0), torch.arange(26.0), indexing="ij")
    grid = torch.stack([(x - 3) / 5 * 2 / 3 - 1, (y - 3) / 4 * 2 / 4 - 1], -1)
    expected = F.grid_sample(maps[None], grid[None], mode="bilinear", padding_mode="border", align_corners=True)[0]
    np.testing.assert_allclose(grown(maps, layer((3, 5, 4), field), (30, 26)).numpy(), expected.numpy(), atol=1e-5)


def test_a_layer_with_one_cell_a_pixel_is_left_as_it_is() -> None:
    maps = torch.randn(6, 7)
    assert torch.equal(grown(maps, layer((1, 6, 7), Field((3.0,) * 2, (1.0,) * 2, (-1.0,) * 2)), (6, 7)), maps)


@pytest.mark.parametrize("field", [None, Field((1.0,), (1.0,), (0.0,)), Field((9.0,) * 2, (0.0,) * 2, (0.0,) * 2)])
def test_cells_of_which_nothing_is_known_are_spread_evenly(field: Field | None) -> None:
    maps = torch.randn(2, 5, 4)
    expected = F.interpolate(maps[None], size=(30, 26), mode="bilinear", align_corners=False)[0]
    np.testing.assert_allclose(grown(maps, layer((2, 5, 4), field), (30, 26)).numpy(), expected.numpy(), atol=1e-5)


class Spot(nn.Module):
    """Cells of four by four pixels that begin at the third, each seeing three by three; one logit is their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, 4)
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(x[:, :, 2:])).mean((2, 3)))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.title)
def test_evidence_lies_where_it_was_seen(method: Method) -> None:
    model = Spot().eval()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.0)
    with torch.no_grad():
        model.conv.weight[0, 0, 1, 1] = model.fc.weight[1, 0] = 1.0
    x = torch.zeros(1, 21, 27)
    x[0, 11, 17] = 3.0  # the middle of the third cell down and the fifth across
    found = attribute(model, trace(model, x), x, Target("fc", (1,)), method).evidence
    assert isinstance(found, Map)
    assert np.unravel_index(found.values.argmax(), found.values.shape) == (11, 17)
    assert np.argwhere(found.values > 0).mean(0).tolist() == [11, 17]


def test_units_on_the_last_axis_change_nothing() -> None:
    field = Field((1.0,) * 2, (4.0,) * 2, (1.0,) * 2)
    first, last = layer((3, 5, 4), field), replace(layer((5, 4, 3), field), unit_axis=-1)
    assert centres(first, 0, 20).tolist() == centres(last, 0, 20).tolist()
