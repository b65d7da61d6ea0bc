from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnvis.compute.devices import chosen, placed
from cnnvis.errors import InvalidValue


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_there_is(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert chosen("auto").type == expected


def test_devices_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(InvalidValue, match="one that this machine has"):
            chosen(name)
    with pytest.raises(InvalidValue, match=r"must be 'auto', 'cpu', 'cuda' or 'mps'; got 'tpu9'"):
        chosen("tpu9")


def test_a_network_that_is_there_stays_itself_and_one_elsewhere_is_copied() -> None:
    model = nn.Linear(2, 2)
    assert placed(model, torch.device("cpu")) is model
    copied = placed(model, torch.device("meta"))
    assert copied is not model
    assert model.weight.device.type == "cpu"
