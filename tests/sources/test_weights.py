from __future__ import annotations

import argparse
import os
import pickle
import random
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cnnvis.errors import InvalidValue, UnreadableFile, UntrustedCode
from cnnvis.sources.weights import load_weights


def net(n_classes: int = 3) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    return nn.Sequential(OrderedDict(body=body, head=nn.Linear(4, n_classes)))


def state(model: nn.Module | None = None) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {name: tensor.clone() for name, tensor in (model or net()).state_dict().items()}


def filled(content: Any, tmp_path: Path) -> nn.Module:
    torch.save(content, tmp_path / "weights.pth")
    model = net()
    load_weights(model, tmp_path / "weights.pth")
    return model


def agrees(model: nn.Module, expected: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


def renamed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state().items()}


@pytest.mark.parametrize(
    "content",
    [
        state(),
        {"state_dict": state(), "epoch": 3},
        {"model": state(), "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}},
        {"model_state_dict": state()},
        {"net": renamed("module."), "acc": 92.1},
        {"ema": {"module": state()}},
        {"epoch": 1, "something": {"deeper": state()}},
        renamed("module."),
        renamed("_orig_mod."),
        renamed("_orig_mod.module."),
        renamed("model."),
        renamed("module.model."),
        {name.replace("body.", "body._orig_mod."): tensor for name, tensor in state().items()},
    ],
)
def test_weights_are_found_wherever_they_lie(content: Any, tmp_path: Path) -> None:
    assert agrees(filled(content, tmp_path), state())


def test_weights_as_safetensors(tmp_path: Path) -> None:
    save_file(renamed("module."), tmp_path / "weights.safetensors")
    model = net()
    report = load_weights(model, tmp_path / "weights.safetensors")
    assert agrees(model, state())
    assert (report.n_tensors, report.prefixes, report.missing) == (9, ("module.",), ())


def test_the_format_is_told_by_the_content(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "weights.bin")
    model = net()
    load_weights(model, tmp_path / "weights.bin")
    assert agrees(model, state())


def test_the_report_says_which_part_was_used(tmp_path: Path) -> None:
    torch.save({"teacher": {"head.weight": torch.zeros(3, 4)}, "model": renamed("module.")}, tmp_path / "w.pth")
    report = load_weights(net(), tmp_path / "w.pth")
    assert (report.entry, report.prefixes) == ("model", ("module.",))


def test_the_older_format_of_torch_is_read(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    model = net()
    load_weights(model, tmp_path / "w.pth")
    assert agrees(model, state())


def test_numbers_paths_and_arguments_beside_the_weights_are_no_code(tmp_path: Path) -> None:
    beside = {
        "args": argparse.Namespace(lr=0.1, out=Path("somewhere")),
        "best": np.float64(0.9),
        "curve": np.arange(3.0),
        "kind": np.dtype("float32"),
    }
    assert agrees(filled({"state_dict": state(), **beside}, tmp_path), state())


def test_code_in_a_checkpoint_is_named_and_not_run(tmp_path: Path) -> None:
    class Loud:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    for new in (True, False):
        torch.save({"state_dict": state(), "x": Loud()}, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
        with pytest.raises(UntrustedCode, match=r"asks for \w+\.mkdir.*sha256 is [0-9a-f]{64}") as caught:
            load_weights(net(), tmp_path / "w.pth")
        assert not (tmp_path / "made").exists()
        assert len(caught.value.digest) == 64


def test_a_trusted_checkpoint_is_read_whole(tmp_path: Path) -> None:
    torch.save({"model": net(), "loose": random.Random(1)}, tmp_path / "w.pth")
    with pytest.raises(UntrustedCode, match="asks for") as caught:
        load_weights(net(), tmp_path / "w.pth")
    model = net()
    assert load_weights(model, tmp_path / "w.pth", trust={caught.value.digest}).entry == "model"


def refused(content: Any, tmp_path: Path, model: nn.Module | None = None) -> str:
    torch.save(content, tmp_path / "w.pth")
    model = model or net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InvalidValue) as caught:
        load_weights(model, tmp_path / "w.pth")
    assert agrees(model, before)
    return str(caught.value)


def test_missing_weights_are_counted_and_named(tmp_path: Path) -> None:
    part = {name: tensor for name, tensor in state().items() if "head" not in name}
    assert "2 of 9 are missing (head.weight, head.bias)" in refused(part, tmp_path)


def test_weights_that_the_network_has_not_are_counted_and_named(tmp_path: Path) -> None:
    more = state() | {"layer9.weight": torch.zeros(2)}
    assert "1 are not in the network (layer9.weight)" in refused(more, tmp_path)


def test_foreign_weights_are_refused_in_one_sentence(tmp_path: Path) -> None:
    said = refused({f"blocks.{i}.weight": torch.zeros(2) for i in range(9)}, tmp_path)
    assert "8 of 9 are missing" in said
    assert "9 are not in the network (blocks.0.weight, blocks.1.weight, blocks.2.weight, …)" in said


def test_counters_may_be_missing_or_too_many(tmp_path: Path) -> None:
    content = state() | {"n_averaged": torch.tensor(3), "total_ops": torch.tensor(1.0)}
    del content["body.1.num_batches_tracked"]
    torch.save(content, tmp_path / "w.pth")
    report = load_weights(net(), tmp_path / "w.pth")
    assert report.missing == ("body.1.num_batches_tracked",)
    assert set(report.unexpected) == {"n_averaged", "total_ops"}


def test_a_classifier_of_another_size_is_called_that(tmp_path: Path) -> None:
    said = refused(state(net(10)), tmp_path)
    assert "The classifier 'head' must have as many outputs as in w.pth, 10; the network has 3." in said


def test_a_wrong_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    said = refused(state() | {"body.0.weight": torch.zeros(4, 1, 3, 3)}, tmp_path)
    assert "body.0.weight is 4×1×3×3 in the file and 4×3×3×3 in the network" in said


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_counted_and_named(bad: float, tmp_path: Path) -> None:
    content = state()
    content["body.0.weight"][0, 0, 0, :2] = bad
    assert "body.0.weight has 2 NaN or infinite values." in refused(content, tmp_path)


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    assert "without any" in refused({"epoch": 3}, tmp_path)
    assert "without any" in refused([1, 2], tmp_path)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    content = {name: t.bfloat16() if t.is_floating_point() else t for name, t in state().items()}
    assert filled(content, tmp_path).head.weight.dtype == torch.float32


def test_weights_shared_by_two_layers_may_be_stored_once(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        model[1].weight = model[0].weight
        return model

    content = {name: tensor for name, tensor in tied().state_dict().items() if name != "1.weight"}
    torch.save(content, tmp_path / "w.pth")
    model = tied()
    load_weights(model, tmp_path / "w.pth")
    assert torch.equal(model[1].weight, content["0.weight"])


def torn_files(folder: Path) -> dict[str, bytes]:
    torch.save(state(), folder / "new.pth")
    torch.save(state(), folder / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state(), folder / "safe.safetensors")
    whole = {name: (folder / name).read_bytes() for name in ("new.pth", "old.pth", "safe.safetensors")}
    torn = {f"half {name}": content[: len(content) // 2] for name, content in whole.items()}
    torn |= {f"start {name}": content[:20] for name, content in whole.items()}
    return torn | {
        "text.pth": b"these are no weights at all",
        "picture.pth": b"\xff\xd8\xff\xe0" * 40,
        "page.safetensors": b"<!DOCTYPE html><html>not found</html>",
        "empty.pth": b"",
        "pickle.pth": pickle.dumps({"a": 1}),
        "header.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
        "zip.pth": b"PK\x05\x06" + bytes(18),
    }


def test_torn_and_foreign_files_are_said_to_be_so(tmp_path: Path) -> None:
    for name, content in torn_files(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises((UnreadableFile, InvalidValue), match=name.replace(".", r"\.")):
            load_weights(net(), tmp_path / name)


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"none\.pth does not"):
        load_weights(net(), tmp_path / "none.pth")
    with pytest.raises(UnreadableFile):
        load_weights(net(), tmp_path)
