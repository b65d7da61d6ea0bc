"""The cards of classes say no more than is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.classes import ENOUGH, class_face
from cnnvis.layout.marks import Label


@pytest.mark.parametrize(("n", "right", "told"), [(1, 1, "1 of 1"), (1, 0, "0 of 1"), (ENOUGH, 4, "80 %")])
def test_few_samples_are_counted_and_many_give_a_percentage(n: int, right: int, told: str) -> None:
    session = made_up_session()
    found = session.activations
    assert found is not None
    labels = np.full(len(found.samples.labels), 1)
    labels[:n] = 0
    ranked = found.samples.ranked.copy()
    ranked[:, 0] = np.where(np.arange(len(labels)) < right, 0, 1)
    found = replace(found, samples=replace(found.samples, labels=labels, ranked=ranked))
    face = class_face(0, session.classes, found, 4)
    assert told in [mark.text for mark in face.marks if isinstance(mark, Label)]
