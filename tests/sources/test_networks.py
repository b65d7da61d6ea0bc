from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnvis.errors import InvalidValue, ModelFailure, UnknownName, UnreadableFile, UntrustedCode
from cnnvis.sources.networks import code_path, open_network

CODE = """
import torch
from torch import nn

CLASSES = ("cat", "dog")

def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 2)
    def forward(self, x):
        return self.line(x)

class Nested:
    @staticmethod
    def make():
        return small()

ready = small()

def sized(n_classes, width=3): return small()
def broken(): return 1 / 0
def leaving(): raise SystemExit(2)
def nothing(): pass
def pair(): return small(), None
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    (tmp_path / "my_zoo.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


@pytest.mark.parametrize("name", ["small", "Small", "ready", "Nested.make"])
def test_a_network_is_made_by_a_function_a_class_or_at_top_level(zoo: Path, name: str) -> None:
    model = open_network(f"my_zoo.py:{name}", folder=zoo)
    assert isinstance(model, nn.Module)
    assert not model.training


def test_a_file_may_be_named_by_its_whole_path(zoo: Path) -> None:
    assert isinstance(open_network(f"{zoo / 'my_zoo.py'}:small"), nn.Module)


def test_a_module_is_named_with_dots(zoo: Path) -> None:
    (zoo / "my_package").mkdir()
    (zoo / "my_package" / "__init__.py").touch()
    (zoo / "my_package" / "nets.py").write_text(CODE, encoding="utf-8")
    assert isinstance(open_network("my_package.nets:small", folder=zoo), nn.Module)
    assert code_path("my_package.nets:small", zoo) == zoo / "my_package" / "nets.py"


def test_weights_made_at_random_are_the_same_each_time(zoo: Path) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert same_weights(open_network("my_zoo.py:small", folder=zoo), open_network("my_zoo.py:small", folder=zoo))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_search_path_is_left_as_it_was(zoo: Path) -> None:
    before = list(sys.path)
    open_network("my_zoo.py:small", folder=zoo)
    with pytest.raises(ModelFailure):
        open_network("my_zoo.py:broken", folder=zoo)
    assert sys.path == before
    assert "my_zoo" not in sys.modules


def test_files_beside_the_factory_can_be_imported_and_are_not_mixed_up(tmp_path: Path) -> None:
    for name, width in (("a", 3), ("b", 5)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "widths.py").write_text(f"WIDTH = {width}", encoding="utf-8")
        net = "from torch import nn\nfrom widths import WIDTH\ndef net(): return nn.Linear(2, WIDTH)"
        (folder / "zoo.py").write_text(net, encoding="utf-8")
    made = [open_network("zoo.py:net", folder=tmp_path / name) for name in ("a", "b", "a")]
    assert [m.out_features for m in made] == [3, 5, 3]


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "zoo.py"
    for width in (3, 5):
        file.write_text(f"from torch import nn\ndef net(): return nn.Linear(2, {width})", encoding="utf-8")
        assert open_network("zoo.py:net", folder=tmp_path).out_features == width
    assert not (tmp_path / "__pycache__").exists()


def test_a_file_with_one_function_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from torch import nn\ndef net(): return nn.ReLU()", encoding="utf-8")
    assert isinstance(open_network("one.py", folder=tmp_path), nn.ReLU)


def test_a_file_with_several_functions_asks_which(zoo: Path) -> None:
    with pytest.raises(InvalidValue, match=r"my_zoo\.py:small"):
        open_network("my_zoo.py", folder=zoo)


@pytest.mark.parametrize(
    ("factory", "kind", "said"),
    [
        ("my_zo.py:small", UnreadableFile, r"Did you mean 'my_zoo\.py'\?"),
        ("my_zoo.py:smal", UnknownName, r"'smal'\. Did you mean 'small'"),
        ("my_zoo.py:CLASSES", InvalidValue, "is a tuple"),
        ("my_zoo.py:sized", InvalidValue, "needs 'n_classes'"),
        ("my_zoo.py:broken", ModelFailure, r"ZeroDivisionError: division by zero \(my_zoo\.py, line 25\)"),
        ("my_zoo.py:leaving", ModelFailure, "SystemExit: 2"),
        ("my_zoo.py:nothing", InvalidValue, "gave None"),
        ("my_zoo.py:pair", InvalidValue, "gave a tuple"),
        ("no_such_package.nets:small", UnknownName, "there is no 'no_such_package'"),
        ("something", InvalidValue, r'must be "file\.py:function"'),
        ("demo:healty", UnknownName, "Did you mean 'healthy'"),
    ],
)
def test_what_is_no_network_is_said_in_a_sentence(zoo: Path, factory: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        open_network(factory, folder=zoo)


def test_a_file_that_cannot_be_parsed_is_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text("x = 1\ndef net(:\n", encoding="utf-8")
    with pytest.raises(ModelFailure, match=r"SyntaxError.*torn\.py, line 2"):
        open_network("torn.py:net", folder=tmp_path)


def test_a_library_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(InvalidValue, match="needs torchvision; it is not installed"):
        open_network("torchvision:resnet18")


def test_a_library_built_for_another_torch_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator does not exist')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(InvalidValue, match=r"timm; it fails to load \(operator does not exist\)"):
        open_network("timm:resnet18")


def test_a_network_of_a_library_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    models = types.ModuleType("torchvision.models")
    models.list_models = lambda: ["resnet18"]  # type: ignore[attr-defined]
    models.get_model = lambda name, weights: nn.Linear(2, 3 if weights is None else 7)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    assert open_network("torchvision:resnet18").out_features == 3
    assert open_network("torchvision:resnet18", "pretrained").out_features == 7
    with pytest.raises(UnknownName, match="Did you mean 'resnet18'"):
        open_network("torchvision:resnet81")


def test_the_file_of_the_code_is_told_and_nothing_is_imported(zoo: Path) -> None:
    (zoo / "loud.py").write_text("raise SystemError", encoding="utf-8")
    assert code_path("loud.py:net", zoo) == code_path("loud:net", zoo) == zoo / "loud.py"
    assert code_path("torchvision:resnet18", zoo) is None
    assert code_path("demo:healthy", zoo) is None


def whole_network(folder: Path, kind: str) -> str:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    if kind == "net.pt":
        torch.save(model, folder / kind)
    else:
        torch.export.save(torch.export.export(model, (torch.zeros(1, 3, 8, 8),)), folder / kind)
    return kind


@pytest.mark.parametrize("kind", ["net.pt", "net.pt2"])
def test_a_whole_network_is_opened_only_where_its_sum_is_trusted(tmp_path: Path, kind: str) -> None:
    name = whole_network(tmp_path, kind)
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    with pytest.raises(UntrustedCode, match=digest) as caught:
        open_network(name, folder=tmp_path)
    assert (caught.value.digest, Path(caught.value.path)) == (digest, tmp_path / name)
    model = open_network(name, folder=tmp_path, trust=[digest.upper()])
    assert model(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 6, 6)


def test_a_file_that_holds_weights_only_is_no_network(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InvalidValue, match="name a factory, and this file as weights"):
        open_network("weights.pt", folder=tmp_path, trust=True)


def test_a_torn_network_is_said_to_be_torn(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"PK\x03\x04 nothing more")
    with pytest.raises(UnreadableFile, match=r"net\.pt must hold a network"):
        open_network("net.pt", folder=tmp_path, trust=True)


@pytest.mark.real
def test_published_weights_go_into_their_network(shared: Path) -> None:
    model = open_network("zoo.py:resnet20", shared / "data/resnet20_cifar10.safetensors", folder=shared / "models")
    assert sum(p.numel() for p in model.parameters()) == 269_722
