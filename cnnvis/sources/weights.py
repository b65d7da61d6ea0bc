"""Putting a file of weights into a network: only data are read, never code."""

from __future__ import annotations

import argparse
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from cnnvis.errors import InvalidValue, UnreadableFile, UntrustedCode
from cnnvis.sources.user_code import at_home, sha256

State = dict[str, Tensor]

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
HOLDERS = ("state_dict", "model", "model_state_dict", "net", "network", "module", "weights", "ema", "state_dict_ema")
HARMLESS = re.compile(r"(^|\.)(num_batches_tracked|n_averaged|total_ops|total_params)$")
"""Counters that change no answer of a network: they may be missing or too many."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a file of weights went into a network.

    `entry` is the part of the file that was used ("" for all of it), `prefixes` what was stripped from its names;
    `missing` and `unexpected` are counters that change no answer.
    """

    n_tensors: int
    entry: str = ""
    prefixes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def load_weights(model: nn.Module, path: Path | str, *, trust: Collection[str] | bool = ()) -> Report:
    """Fills the network with a file's weights and says how they fitted.

    Reads safetensors and what torch saved, nested in "state_dict", "model" and the like or not, with or without the
    prefixes that wrappers leave. The network is changed only where every name and shape fits.

    Raises `UnreadableFile` where the file is torn; `UntrustedCode` where reading it would run code and its sha256 is
    not in `trust`; `InvalidValue` where names or shapes do not fit or a weight is not finite.
    """
    path = Path(path)
    content = _read(path, trust)
    wanted = {name: tensor for name, tensor in model.state_dict(keep_vars=True).items() if isinstance(tensor, Tensor)}
    entry, prefixes, state = _best(content, wanted, path)
    missing = [name for name in wanted if name not in state and not _tied(name, wanted, state)]
    unexpected = [name for name in state if name not in wanted]
    _assert_complete(path, model, [n for n in missing if not HARMLESS.search(n)], unexpected, len(wanted))
    _assert_shapes(path, wanted, state)
    _assert_finite(path, state)
    try:
        model.load_state_dict({name: tensor for name, tensor in state.items() if name in wanted}, strict=False)
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise InvalidValue(f"The weights of {path.name} must fit the network; {_one_line(error)}") from error
    return Report(len(state), entry, prefixes, tuple(missing), tuple(unexpected))


def assert_trusted(path: Path, trust: Collection[str] | bool, what: str) -> None:
    """Raises `UntrustedCode` unless the file's sha256 is trusted."""
    digest = sha256(path)
    if trust is True or (not isinstance(trust, bool) and digest in {entry.lower() for entry in trust}):
        return
    raise UntrustedCode(
        f"Opening {path.name} runs code that it brings along ({what}); its sha256 is {digest}. "
        "Trust that sum only if you know where the file comes from.",
        str(path),
        digest,
    )


def _read(path: Path, trust: Collection[str] | bool) -> Any:
    if not path.exists():
        raise UnreadableFile(f"The weights must be a file that exists; {path} does not. Check the path.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise UnreadableFile(f"The weights must be a readable file; {path}: {error.strerror or error}.") from error
    if not head:
        raise UnreadableFile(f"The weights must not be empty; {path} has 0 bytes. Copy the file again.")
    if path.suffix == ".safetensors" or head[8:9] == b"{":
        return _read_safetensors(path)
    return _read_torch(path, trust)


def _read_safetensors(path: Path) -> State:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise _torn(path, "a safetensors file", error) from error


def _read_torch(path: Path, trust: Collection[str] | bool) -> Any:
    """The content of what torch saved; whatever is more than tensors and plain values needs trust."""
    try:
        with torch.serialization.safe_globals(_own_list()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        code = _code_in(path, error)
        if not code:
            raise _torn(path, "weights that torch saved", error) from error
        assert_trusted(path, trust, code)
    try:
        with at_home(path.parent):
            if "TorchScript" in code:
                return torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            return torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise _torn(path, "weights that torch saved", error) from error


def _code_in(path: Path, error: Exception) -> str:
    """What in a refused file would run code, in words; "" where the file is merely torn."""
    if "TorchScript" in str(error):
        return "a TorchScript archive"
    try:
        with torch.serialization.safe_globals(_own_list()):
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001  # a torn file breaks the search in any way; older formats cannot be searched
        names = re.findall(r"GLOBAL (\S+\.\S+)", str(error))
    if not names:
        return ""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return "it asks for " + ", ".join(sorted(names)[:4]) + more


def _own_list() -> list[Any]:
    """Values that checkpoints often hold beside tensors, and that cannot do anything."""
    multiarray = np._core.multiarray if hasattr(np, "_core") else np.core.multiarray  # type: ignore[attr-defined]
    allowed: list[Any] = [np.dtype, np.ndarray, argparse.Namespace, slice]
    allowed += [getattr(np.dtypes, name) for name in np.dtypes.__all__]
    for module in ("numpy._core.multiarray", "numpy.core.multiarray"):
        allowed += [(multiarray.scalar, f"{module}.scalar"), (multiarray._reconstruct, f"{module}._reconstruct")]
    for module in ("pathlib", "pathlib._local"):
        allowed += [(pathlib.PurePosixPath, f"{module}.{n}") for n in ("PosixPath", "PurePosixPath")]
        allowed += [(pathlib.PureWindowsPath, f"{module}.{n}") for n in ("WindowsPath", "PureWindowsPath")]
    return allowed


def _torn(path: Path, what: str, error: Exception) -> UnreadableFile:
    return UnreadableFile(f"{path.name} must be {what}; it is torn or something else ({_one_line(error)})")


def _one_line(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0].split(". ")[0].rstrip(".")
    return f"{type(error).__name__}: {first}." if first else f"{type(error).__name__}."


def _candidates(content: Any, entry: str = "", depth: int = 0) -> Iterator[tuple[str, State]]:
    """Every place in a file where weights may lie, the likeliest first."""
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if not isinstance(content, Mapping):
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if tensors:
        yield entry, tensors
    if depth < 3:
        others = [k for k in content if isinstance(k, str) and k not in HOLDERS]
        for key in [k for k in HOLDERS if k in content] + others:
            yield from _candidates(content[key], f"{entry}.{key}" if entry else key, depth + 1)


def _best(content: Any, wanted: Mapping[str, Tensor], path: Path) -> tuple[str, tuple[str, ...], State]:
    """The place and the stripped names that fit the network best; the first of equals."""
    best: tuple[str, tuple[str, ...], State] | None = None
    most = -1
    for entry, found in _candidates(content):
        prefixes, state = _stripped(found, wanted)
        fitting = sum(name in wanted for name in state)
        if fitting > most:
            best, most = (entry, prefixes, state), fitting
    if best is None:
        kind = type(content).__name__
        raise InvalidValue(f"{path.name} must hold named weights; it holds a {kind} without any. Save a state_dict.")
    return best


def _stripped(state: State, wanted: Mapping[str, Tensor]) -> tuple[tuple[str, ...], State]:
    """The weights under the names of the network: without the prefixes that wrappers have left."""
    used: list[str] = []
    score = sum(name in wanted for name in state)
    while score < len(state):
        tries = {prefix: shorter for prefix in PREFIXES if (shorter := _without(state, prefix)) is not None}
        if not tries:
            break
        scores = {prefix: sum(name in wanted for name in shorter) for prefix, shorter in tries.items()}
        prefix = max(tries, key=lambda p: (scores[p], _share(state, p)))
        if scores[prefix] < score or (scores[prefix] == score and _share(state, prefix) < 0.5):
            break
        state, score = tries[prefix], scores[prefix]
        used.append(prefix)
    return tuple(used), state


def _share(state: State, prefix: str) -> float:
    return sum(name.startswith(prefix) for name in state) / len(state)


def _without(state: State, prefix: str) -> State | None:
    """The names without a prefix, or None where none has it.

    `_orig_mod.` may stand anywhere: where a part was compiled.
    """
    anywhere = prefix == "_orig_mod."
    if not any(prefix in name if anywhere else name.startswith(prefix) for name in state):
        return None
    return {(n.replace(prefix, "") if anywhere else n.removeprefix(prefix)): t for n, t in state.items()}


def _tied(name: str, wanted: Mapping[str, Tensor], state: State) -> bool:
    """Whether a weight shares its memory with one that the file has: it is stored once."""
    mine = wanted[name]
    if is_lazy(mine) or not mine.numel():
        return False
    return any(
        other in state and wanted[other].shape == mine.shape and wanted[other].data_ptr() == mine.data_ptr()
        for other in wanted
        if other != name and not is_lazy(wanted[other])
    )


def _assert_complete(path: Path, model: nn.Module, missing: list[str], unexpected: list[str], n_wanted: int) -> None:
    strange = [name for name in unexpected if not HARMLESS.search(name)]
    if not missing and not strange:
        return
    said = []
    if missing:
        said.append(f"{len(missing)} of {n_wanted} are missing ({_few(missing)})")
    if strange:
        said.append(f"{len(strange)} are not in the network ({_few(strange)})")
    raise InvalidValue(
        f"The weights of {path.name} must fit {type(model).__name__}; {' and '.join(said)}. "
        "Use the factory that they were trained with."
    )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _assert_shapes(path: Path, wanted: Mapping[str, Tensor], state: State) -> None:
    wrong = [
        name
        for name, tensor in state.items()
        if name in wanted and not is_lazy(wanted[name]) and wanted[name].shape != tensor.shape
    ]
    if not wrong:
        return
    first = wrong[0]
    mine, theirs = tuple(wanted[first].shape), tuple(state[first].shape)
    layer = first.rpartition(".")[0]
    last = list(wanted)[-1].rpartition(".")[0]
    if layer == last and {name.rpartition(".")[0] for name in wrong} == {layer} and mine[1:] == theirs[1:]:
        raise InvalidValue(
            f"The classifier {layer!r} must have as many outputs as in {path.name}, {theirs[0]}; the network has "
            f"{mine[0]}. Let the factory make a network of {theirs[0]} classes."
        )
    more = f", and {len(wrong) - 1} more do not fit" if len(wrong) > 1 else ""
    raise InvalidValue(
        f"The weights of {path.name} must have the network's shapes; {first} is {_by(theirs)} in the file and "
        f"{_by(mine)} in the network{more}. Use the factory that they were trained with."
    )


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"


def _assert_finite(path: Path, state: State) -> None:
    bad = {}
    for name, tensor in state.items():
        if tensor.is_floating_point() or tensor.is_complex():
            n = int(tensor.numel() - torch.isfinite(tensor).sum())
            if n:
                bad[name] = n
    if bad:
        name, n = next(iter(bad.items()))
        more = f", and so have {len(bad) - 1} more" if len(bad) > 1 else ""
        raise InvalidValue(
            f"The weights of {path.name} must be finite; {name} has {n} NaN or infinite values{more}. "
            "Use a checkpoint from before the training broke down."
        )
