"""Functions that the user names: "file.py:function" or "package.module:function"."""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnvis.errors import CnnvisError, InvalidValue, ModelFailure, UnknownName, UnreadableFile, did_you_mean

_importing = threading.RLock()
_left: dict[str, ModuleType] = {}  # modules that user code has imported from its own folder; dropped before the next


def is_code(name: str) -> bool:
    """Whether a text names code, such as "zoo.py:resnet20", "zoo.py" or "package.module:function"."""
    where, function = split(name)
    return where.endswith(".py") or (bool(function) and all(part.isidentifier() for part in where.split(".")))


def split(name: str) -> tuple[str, str]:
    """The file or module, and the function; "" where none is named (a drive's colon names none)."""
    where, colon, function = name.rpartition(":")
    if not colon or "/" in function or "\\" in function:
        return name, ""
    return where, function


def code_file(name: str, folder: Path) -> Path | None:
    """The file that holds the code a text names, found without importing anything; None where there is none."""
    where, _ = split(name)
    if where.endswith(".py"):
        return folder / Path(where).expanduser()
    path: list[str] | None = [str(folder), *sys.path]
    found = None
    for depth in range(where.count(".") + 1):
        full = ".".join(where.split(".")[: depth + 1])
        spec = importlib.machinery.PathFinder.find_spec(full, path)
        if spec is None:
            return None
        path, found = spec.submodule_search_locations and list(spec.submodule_search_locations), spec.origin
    return Path(found) if found and Path(found).is_file() else None


def sha256(path: Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits. Raises `UnreadableFile`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(f"{path} must be a readable file; {error.strerror or error}. Check the path.") from error


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Code of this folder can be imported meanwhile, and what it imported from elsewhere before is forgotten."""
    with _importing:
        for name, module in _left.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        _left.clear()
        importlib.invalidate_caches()
        before, home = set(sys.modules), str(folder.resolve())
        sys.path.insert(0, home)
        try:
            yield
        finally:
            if home in sys.path:
                sys.path.remove(home)
            for name in set(sys.modules) - before:
                module = sys.modules[name]
                if str(getattr(module, "__file__", None) or "").startswith(home) and "site-packages" not in str(
                    module.__file__
                ):
                    _left[name] = module


def resolve(name: str, folder: Path, whose: str) -> Any:
    """What a text names, imported; runs the file's top level. Call it and this inside `at_home`.

    `whose` begins the error sentences. Raises `UnreadableFile` where the file is missing, `UnknownName` where the
    function is, `ModelFailure` where the code raises.
    """
    where, function = split(name)
    module = _file_module(folder / Path(where).expanduser(), whose) if where.endswith(".py") else _module(where, whose)
    if not function:
        return _only_factory(module, whose)
    found: Any = module
    for part in function.split("."):
        if not hasattr(found, part):
            known = [n for n, value in vars(found).items() if callable(value) and not n.startswith("_")]
            hint = did_you_mean(part, known)
            raise UnknownName(f"{whose} must name a function of {Path(where).name}; got {function!r}. {hint}".rstrip())
        found = getattr(found, part)
    return found


def load_function(name: str, folder: Path, whose: str) -> Callable[..., Any]:
    """The function that a text names. Raises as `resolve`, and `InvalidValue` where it cannot be called."""
    if not is_code(name):
        raise InvalidValue(f'{whose} must name a function, such as "file.py:function"; got {name!r}.')
    with at_home(code_folder(name, folder)):
        found = resolve(name, folder, whose)
    if not callable(found):
        raise InvalidValue(f"{whose} must name a function; got {name!r}, which is {type(found).__name__}.")
    return found  # type: ignore[no-any-return]  # a callable of user code


def code_folder(name: str, folder: Path) -> Path:
    """The folder whose modules the code may import."""
    where, _ = split(name)
    return (folder / Path(where).expanduser()).parent if where.endswith(".py") else folder


def called(function: Callable[[], Any], name: str, whose: str) -> Any:
    """What a function without arguments gives.

    Raises `InvalidValue` where it needs some, `ModelFailure` where it fails.
    """
    needed = _needed(function)
    if needed:
        raise InvalidValue(
            f"{whose} must name a function that needs no arguments; {name} needs {', '.join(map(repr, needed))}. "
            "Write a small function that calls it with them."
        )
    with _user_errors(f"{whose} {name}"):
        return function()


def _needed(function: Callable[[], Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in fixed]


@contextmanager
def _user_errors(what: str) -> Iterator[None]:
    try:
        yield
    except CnnvisError:
        raise
    except (Exception, SystemExit) as error:  # user code may raise anything, and scripts like to exit
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise ModelFailure(f"{what} must run; it raised {said} ({_line_of(error)}). Mend that file.") from error


def _line_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"


def _file_module(path: Path, whose: str) -> ModuleType:
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.py")]) if path.parent.is_dir() else ""
        raise UnreadableFile(f"{whose} must name a file that exists; {path} does not. {near}".rstrip())
    name = f"_cnnvis_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses, pickle and inspect look classes up there
    try:
        with _user_errors(f"{whose}: {path.name}"):
            # compiled here, as a loader would take a stale or foreign .pyc: what runs is what was hashed
            exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    except CnnvisError:
        sys.modules.pop(name, None)
        raise
    return module


def _module(name: str, whose: str) -> ModuleType:
    try:
        with _user_errors(f"{whose}: {name}"):
            return importlib.import_module(name)
    except ModelFailure as error:
        missing = error.__cause__
        if isinstance(missing, ModuleNotFoundError) and missing.name and f"{name}.".startswith(f"{missing.name}."):
            raise UnknownName(
                f"{whose} must name a module that is installed; there is no {missing.name!r}. "
                'A file is named with its ending, such as "zoo.py:resnet20".'
            ) from None
        raise


def _only_factory(module: ModuleType, whose: str) -> Any:
    """The one class or function that the file defines itself; networks before all else."""
    own = {
        name: value
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    ready = [name for name, value in own.items() if not _needed(value)]
    if len(ready) == 1:
        return own[ready[0]]
    file = Path(module.__file__ or "").name
    if not ready:
        raise InvalidValue(f"{whose} must name a file with a function that needs no arguments; {file} has none.")
    listed = ", ".join(f"{file}:{name}" for name in ready[:5])
    raise InvalidValue(f"{whose} must name one function of {file}, as it has {len(ready)}. Choose one of {listed}.")
