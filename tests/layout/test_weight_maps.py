"""Filters as heat maps."""

from __future__ import annotations

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.layout.marks import Cells, Label
from cnnvis.layout.sheet import Scale
from cnnvis.layout.svg import svg
from cnnvis.layout.weight_maps import strongest, weight_diagram, weight_face
from cnnvis.model.attribution import Attribution, Vector, WeightMap
from cnnvis.model.target import Target

SCALE = Scale(1.0, "weights", signed=True)


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def grids(values: np.ndarray, listed: int = 24) -> list[Cells]:
    face = weight_face(values, "weights", SCALE, listed)
    assert all(m.box.x >= 0 and m.box.right <= face.w + 1e-6 and m.box.bottom <= face.h for m in face.marks)
    return [m for m in face.marks if isinstance(m, Cells)]


def test_the_strongest_filters_come_first() -> None:
    values = weights(8, 3, 3, 3)
    values[5] *= 10
    assert strongest(values)[0] == 5
    assert len(strongest(values, 3)) == 3


def test_of_few_inputs_each_kernel_is_a_matrix_of_its_own() -> None:
    values = weights(8, 3, 5, 4)
    found = grids(values, 2)
    assert [g.shape for g in found] == [(5, 4)] * 6
    first = strongest(values)[0]
    np.testing.assert_allclose(found[1].grid / 127, values[first, 1], atol=0.01)


def test_of_many_inputs_each_is_a_column() -> None:
    values = weights(4, 40, 3, 3)
    found = grids(values)
    assert [g.shape for g in found] == [(9, 40)] * 4
    np.testing.assert_allclose(found[0].grid[:, 7] / 127, values[strongest(values)[0], 7].ravel(), atol=0.01)


@pytest.mark.parametrize("shape", [(6, 9), (4, 30, 5), (3, 2, 3, 3, 3), (2, 1200)])
def test_weights_of_any_number_of_axes_have_a_picture(shape: tuple[int, ...]) -> None:
    assert sum(np.prod(g.shape) for g in grids(weights(*shape))) == np.prod(shape)


def test_all_filters_share_one_scale_and_the_rest_is_counted() -> None:
    values = {"conv1.weight": weights(30, 3, 3, 3), "conv1.bias": weights(30), "fc.weight": 0.1 * weights(4, 12)}
    found = Attribution(WeightMap(values, {"samples": 64}), 7, Target("fc", (0,)), "Weight importance", {}, {})
    diagram = weight_diagram(made_up_session(), found)
    assert "Weight importance of conv1.weight" in svg(diagram)
    assert "over 64 samples" in diagram.caption
    labels = {m.text for m in diagram.cards[0].face.marks if isinstance(m, Label)}
    assert "6 weaker filters are not shown" in labels
    assert {entry.ink.role for entry in diagram.legend} == {"excite", "inhibit"}
    with pytest.raises(UnknownName, match=r"Did you mean 'fc\.weight'"):
        weight_diagram(made_up_session(), found, "fc.weigt")
    vector = Attribution(Vector(weights(3), ("a", "b", "c")), 7, Target("fc", (0,)), "Votes", {}, {})
    with pytest.raises(InvalidValue, match="got Vector"):
        weight_diagram(made_up_session(), vector)
