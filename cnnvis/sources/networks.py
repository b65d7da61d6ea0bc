"""Opening a network: from what the user names to a live module with its weights."""

from __future__ import annotations

import copy
import importlib
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnnvis.errors import CnnvisError, InvalidValue, ModelFailure, UnknownName, UnreadableFile, did_you_mean
from cnnvis.sources import user_code
from cnnvis.sources.weights import assert_trusted, load_weights

WHOLE = (".pt2", ".pt", ".pth", ".ts", ".torchscript", ".jit", ".ptl", ".pkl")
"""Endings of files that hold a whole network, code included."""

PRETRAINED = "pretrained"
"""As `weights` of a library's network: the library's own weights, which it may download."""


def open_network(
    factory: str,
    weights: str | Path | None = None,
    *,
    folder: Path | str = ".",
    trust: Collection[str] | bool = (),
) -> nn.Module:
    """The network that `factory` names with its weights, on the CPU and in eval mode.

    `factory` is "file.py:function" (or a class without arguments), "package.module:function", "torchvision:NAME",
    "timm:NAME", "transformers:NAME" where installed, "demo:NAME", or a file that holds a whole network. Only code that
    the user names so is run; a factory without weights is seeded, so that it gives the same network each time.
    Files that run code when they are opened need their sha256 in `trust`, or True for any.

    Raises `UntrustedCode`, which knows path and sha256, where such a file is not trusted; `UnreadableFile` and
    `UnknownName` where something is missing or torn; `ModelFailure` where the user's code raises; `InvalidValue`
    where it gives no network or the weights do not fit.
    """
    home = Path(folder)
    library, colon, name = factory.partition(":")
    if colon and library in _LIBRARIES:
        model = _LIBRARIES[library](name, weights == PRETRAINED)
        weights = None if weights == PRETRAINED else weights
    elif colon and library == "demo":
        return _demo(name) if weights is None else _loaded(_demo(name), weights, home, trust)
    elif user_code.is_code(factory):
        model = _made(factory, home)
    elif factory.lower().endswith(WHOLE):
        model = _whole(home / Path(factory).expanduser(), home, trust)
    else:
        raise InvalidValue(
            'The factory must be "file.py:function", "package.module:function", "torchvision:NAME" or the like; '
            f"got {factory!r}."
        )
    return model if weights is None else _loaded(model, weights, home, trust)


def beside(model: nn.Module, weights: Path | str, *, trust: Collection[str] | bool = ()) -> nn.Module:
    """A copy of a network with the weights of another checkpoint. Raises as `open_network`."""
    other = copy.deepcopy(model)
    load_weights(other, Path(weights).expanduser(), trust=trust)
    return other


def code_path(factory: str, folder: Path | str = ".") -> Path | None:
    """The file whose code opening this network runs; None for libraries and the demo. Imports nothing."""
    library, colon, _ = factory.partition(":")
    if colon and (library in _LIBRARIES or library == "demo"):
        return None
    if user_code.is_code(factory):
        return user_code.code_file(factory, Path(folder))
    return Path(folder) / Path(factory).expanduser() if factory.lower().endswith(WHOLE) else None


def _loaded(model: nn.Module, weights: str | Path, home: Path, trust: Collection[str] | bool) -> nn.Module:
    load_weights(model, home / Path(weights).expanduser(), trust=trust)
    return model


def _made(factory: str, home: Path) -> nn.Module:
    with user_code.at_home(user_code.code_folder(factory, home)), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = user_code.resolve(factory, home, "The factory")
        if isinstance(found, nn.Module):  # a network made at the file's top level
            return found.eval()
        if not callable(found):
            raise InvalidValue(f"The factory must be a function; {factory} is {_kind(found)}.")
        model = user_code.called(found, factory, "The factory")
    if not isinstance(model, nn.Module):
        given = _kind(model)
        raise InvalidValue(f"The factory must give a torch.nn.Module; {factory} gave {given}. Return the network.")
    return model.eval()


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _demo(name: str) -> nn.Module:
    from cnnvis.sources.demo import demo

    return demo(name)[0]


def _library(module: str, package: str) -> Any:
    """A library that may be absent or broken: torchvision built for another torch raises what it likes."""
    try:
        return importlib.import_module(module)
    except Exception as error:
        why = "it is not installed" if isinstance(error, ModuleNotFoundError) else f"it fails to load ({error})"
        raise InvalidValue(f"The factory needs {package}; {why}. Install {package} beside this torch.") from error


def _from_library(make: Callable[[], Any], what: str) -> nn.Module:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = make()
    except CnnvisError:
        raise
    except Exception as error:
        raise ModelFailure(f"{what} must open; it raised {type(error).__name__}: {error}.") from error
    if not isinstance(model, nn.Module):
        raise InvalidValue(f"{what} must give a torch.nn.Module; got {_kind(model)}.")
    return model.eval()


def _torchvision(name: str, pretrained: bool) -> nn.Module:
    models = _library("torchvision.models", "torchvision")
    known = models.list_models()
    if name not in known:
        raise UnknownName(f"torchvision must have the network; got {name!r}. {did_you_mean(name, known)}")
    weights = "DEFAULT" if pretrained else None
    return _from_library(lambda: models.get_model(name, weights=weights), f"torchvision:{name}")


def _timm(name: str, pretrained: bool) -> nn.Module:
    timm = _library("timm", "timm")
    known = timm.list_models()
    if name.split(".")[0] not in known:
        raise UnknownName(f"timm must have the network; got {name!r}. {did_you_mean(name, known)}")
    return _from_library(lambda: timm.create_model(name, pretrained=pretrained), f"timm:{name}")


def _transformers(name: str, pretrained: bool) -> nn.Module:
    """Code that a model's page on the hub brings along is never run."""
    transformers = _library("transformers", "transformers")
    images = transformers.AutoModelForImageClassification

    def make() -> Any:
        if pretrained:
            return images.from_pretrained(name, trust_remote_code=False)
        return images.from_config(transformers.AutoConfig.from_pretrained(name, trust_remote_code=False))

    return _from_library(make, f"transformers:{name}")


_LIBRARIES: dict[str, Callable[[str, bool], nn.Module]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "transformers": _transformers,
}


def _whole(path: Path, home: Path, trust: Collection[str] | bool) -> nn.Module:
    if not path.is_file():
        raise UnreadableFile(f"The factory must name a file that exists; {path} does not. Check the path.")
    assert_trusted(path, trust, "a whole network")
    try:
        with user_code.at_home(home), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript's deprecation, and of classes that have changed
            model = _opened(path)
    except Exception as error:
        raise UnreadableFile(f"{path.name} must hold a network; it cannot be opened: {_first_line(error)}") from error
    if not isinstance(model, nn.Module):
        hint = "If it holds weights only, name a factory, and this file as weights."
        raise InvalidValue(f"{path.name} must hold a whole network; got {_kind(model)}. {hint}")
    return model


def _opened(path: Path) -> Any:
    names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
    if path.suffix.lower() == ".pt2" or any(n.endswith("archive_format") for n in names):
        return torch.export.load(path).module()  # its mode is burnt in: eval() would raise
    if any(name.endswith("constants.pkl") for name in names):
        return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    model = torch.load(path, map_location="cpu", weights_only=False)
    return model.eval() if isinstance(model, nn.Module) else model


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if lines[0].endswith(".") else lines[0] + "."
