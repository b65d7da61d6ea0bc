"""A job: the declarative, reproducible description of one analysis, as a value and as a `.toml` file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile, did_you_mean
from cnnvis.model.analysis import Recipe
from cnnvis.model.job_rules import Rule, boolean, choice, number_list, numbers, pairs, text, texts, whole

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Channels = Literal["rgb", "bgr", "grey"]
Task = Literal["classification", "multi-label", "regression"]

CLUSTERERS = ("KMeans", "MeanShift", "AgglomerativeClustering", "HDBSCAN")

_T = TypeVar("_T")


def _apply(section: str, value: Any, rules: Mapping[str, Rule]) -> None:
    """Brings every field into its one form. Raises InvalidValue that names the section and the key."""
    for key, rule in rules.items():
        try:
            object.__setattr__(value, key, rule.convert(getattr(value, key)))
        except InvalidValue as error:
            hint = f" {error}" if str(error) else ""
            wrong = getattr(value, key)
            raise InvalidValue(f"[{section}] {key} must be {rule.must}; got {wrong!r}.{hint}") from None


@dataclass(frozen=True)
class NetworkSource:
    """Where a network comes from.

    `factory`: "file.py:function", "package.module:function", "torchvision:NAME", "timm:NAME", "transformers:NAME",
    "demo:NAME", or a file that holds a whole network. `weights`: a file, or None for those the factory gives.
    `classes`: names, the name of a .txt or .json file, or None: those of the data. `input`: the shape of one sample,
    (channels, height, width) for images, (n,) for a table; () for that of the data. `trust`: the sha256 of files
    that may run code when they are opened. `before`: a second checkpoint, to see how far each layer has moved since.
    """

    factory: str
    weights: str | None = None
    classes: tuple[str, ...] | str | None = None
    input: tuple[int, ...] = ()
    name: str = ""
    trust: tuple[str, ...] = ()
    before: str | None = None

    def __post_init__(self) -> None:
        _apply("network", self, _NETWORK)


@dataclass(frozen=True)
class DataSource:
    """Where samples come from, and how they become a network's input.

    `source`: a folder, zip or csv, for a table a csv or npz, "file.py:function" giving a torch Dataset, or
    "demo:NAME". `inside` chooses a sub-folder; `per_class` at most so many samples of each class, drawn with the
    analysis' seed (of all samples where there are no classes). Images: the shorter side becomes `resize` pixels,
    then `crop` (height, width) is cut from the centre; channels in the order of `channels`; `transform` is
    "file.py:function", a function of a PIL image that replaces these steps and the normalisation; else `mean` and
    `std` of each channel, of values from 0 to 1. Tables: `label` is the column of the label (None: the last one,
    "": none), `mean` and `std` of each feature (None: from the data). `task` is guessed from the labels where None.
    """

    source: str
    kind: Literal["images", "table"] = "images"
    inside: str | None = None
    per_class: int | None = None
    resize: int | None = None
    crop: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    channels: Channels = "rgb"
    transform: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    label: str | None = None
    task: Task | None = None

    def __post_init__(self) -> None:
        _apply("data", self, _DATA)
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            raise InvalidValue(f"[data] std must be as long as mean, {len(self.mean)}; got {len(self.std)} numbers.")
        if (self.mean is None) != (self.std is None):
            there, missing = ("mean", "std") if self.std is None else ("std", "mean")
            raise InvalidValue(f"[data] {missing} must be given beside {there}; got {there} alone.")


@dataclass(frozen=True)
class AnalysisPlan:
    """How the network is analysed.

    `groups` are its columns; `clusterer`, `k` (None: by the layer's size), `parameters` (sorted pairs) and
    `magnitude` make the recipe of every layer; `layers` are those to record (none named: the drawn ones);
    `session_mb` is the budget of pooled responses and pictures in a session, `probe_images` the number of images
    that connections are measured on, `batch` the images of one forward pass (None: chosen by size).
    """

    seed: int = 0
    groups: Literal["modules", "runs", "layers"] = "modules"
    clusterer: str = "KMeans"
    k: int | None = None
    parameters: tuple[tuple[str, Any], ...] = ()
    magnitude: bool = False
    layers: tuple[str, ...] = ()
    session_mb: int = 300
    probe_images: int = 16
    device: str = "auto"
    batch: int | None = None

    def __post_init__(self) -> None:
        _apply("analysis", self, _ANALYSIS)

    @property
    def recipe(self) -> Recipe:
        """How each layer's neurons are clustered."""
        return Recipe(self.clusterer, self.k, self.parameters, self.seed, self.magnitude)


@dataclass(frozen=True)
class Job:
    """One analysis: a network, its data and a plan; relative paths are resolved against `folder`."""

    network: NetworkSource
    data: DataSource
    analysis: AnalysisPlan = field(default_factory=AnalysisPlan)
    folder: Path = Path()

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

    def path(self, name: str) -> Path:
        """Where a file that the job names is."""
        return self.folder / Path(name).expanduser()

    def to_toml(self) -> str:
        """The job as a `.toml` file's text; what is as by default is left out. `parse_job` reads it back, equal."""
        sections = (("network", self.network), ("data", self.data), ("analysis", self.analysis))
        return "\n".join(part for name, value in sections if (part := _section(name, value)))


def read_job(path: Path | str) -> Job:
    """The job of a `.toml` file; its relative paths are taken from the file's folder. Opens nothing else.

    Raises `UnreadableFile` where it is no toml file, `InvalidValue` or `UnknownName` where a key is missing, wrong
    or unknown: one sentence names the file and the key.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path} must be a job file; it cannot be read ({error.strerror or error}).") from error
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path.name} must be a job file, which is utf-8 text; got something else.") from None
    return parse_job(decoded, path.parent, path.name)


def parse_job(content: str, folder: Path | str, name: str = "the job") -> Job:
    """The job that a text in toml describes; `name` stands in error sentences. Raises as `read_job`."""
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(f"{name} must be a toml file; {_lowered(str(error))}.") from None
    extra = [key for key in found if key not in ("network", "data", "analysis")]
    if extra:
        hint = did_you_mean(extra[0], ("network", "data", "analysis"))
        raise UnknownName(f"{name}: a section must be [network], [data] or [analysis]; got {extra[0]!r}. {hint}")
    network = _read(name, "network", NetworkSource, found)
    data = _read(name, "data", DataSource, found)
    return Job(network, data, _read(name, "analysis", AnalysisPlan, found), Path(folder))


def _read(name: str, section: str, kind: type[_T], found: Mapping[str, Any]) -> _T:
    values = found.get(section, {})
    if not isinstance(values, Mapping):
        raise InvalidValue(f"{name}: [{section}] must be a section of keys; got {values!r}.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # every kind is a dataclass
    for key in values:
        if key not in known:
            hint = did_you_mean(key, known)
            raise UnknownName(f"{name}: [{section}] must hold known keys only; got {key!r}. {hint}")
    for key, needed in known.items():
        if key not in values and needed.default is MISSING and needed.default_factory is MISSING:
            must = _RULES[section][key].must
            raise InvalidValue(f"{name}: [{section}] must have a key {key!r}, {must}; got none.")
    try:
        return kind(**values)
    except InvalidValue as error:
        raise InvalidValue(f"{name}: {error}") from None


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _section(name: str, value: Any) -> str:
    lines = []
    for f in fields(value):
        now = getattr(value, f.name)
        if (f.default is MISSING or now != f.default) and now is not None:
            lines.append(f"{f.name} = {_written(dict(now) if f.name == 'parameters' else now)}")
    return "\n".join([f"[{name}]", *lines, ""]) if lines else ""


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quoted(k)} = {_written(v)}" for k, v in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_written(v) for v in value) + "]"
    return repr(value)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _quoted(value: str) -> str:
    short = (_ESCAPES.get(c, c) for c in value)
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in short) + '"'


def _crop(value: Any) -> tuple[int, int]:
    """One number is a square."""
    side = whole(1)
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise InvalidValue("")
        return side(value[0]), side(value[1])
    return side(value), side(value)


def _classes(value: Any) -> tuple[str, ...] | str:
    return value if isinstance(value, str) and value else texts(value)


_NETWORK = {
    "factory": Rule('where the network comes from, such as "zoo.py:resnet20" or "torchvision:resnet18"', text),
    "weights": Rule("the name of a file of weights", text, optional=True),
    "classes": Rule("a list of names, or the name of a .txt or .json file", _classes, optional=True),
    "input": Rule("the shape of one sample, such as [3, 224, 224]", numbers(whole(1), least=0)),
    "name": Rule("a text", lambda value: text(value, empty=True)),
    "before": Rule("the name of a second file of weights", text, optional=True),
    "trust": Rule("a list of sha256 sums, 64 hexadecimal digits each", lambda value: texts(value, digest=True)),
}
_DATA = {
    "source": Rule('a folder, a file or "file.py:function"', text),
    "kind": Rule('"images" or "table"', choice("images", "table")),
    "inside": Rule("the name of a sub-folder", text, optional=True),
    "per_class": Rule("a whole number of at least 1", whole(1), optional=True),
    "resize": Rule("the shorter side in pixels", whole(1), optional=True),
    "crop": Rule("a side in pixels, or [height, width]", _crop, optional=True),
    "interpolation": Rule(
        "the name of an interpolation",
        choice("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"),
    ),
    "channels": Rule('"rgb", "bgr" or "grey"', choice("rgb", "bgr", "grey")),
    "transform": Rule('a function of an image, such as "mine.py:prepare"', text, optional=True),
    "mean": Rule("a list of numbers, one for each channel", number_list(), optional=True),
    "std": Rule("a list of numbers above 0, one for each channel", number_list(positive=True), optional=True),
    "label": Rule('the name of a column, or "" for none', lambda value: text(value, empty=True), optional=True),
    "task": Rule(
        '"classification", "multi-label" or "regression"',
        choice("classification", "multi-label", "regression"),
        optional=True,
    ),
}
_ANALYSIS = {
    "seed": Rule("a whole number of at least 0", whole(0)),
    "groups": Rule('"modules", "runs" or "layers"', choice("modules", "runs", "layers")),
    "clusterer": Rule("a clusterer of scikit-learn", choice(*CLUSTERERS)),
    "k": Rule("a whole number of at least 1", whole(1), optional=True),
    "parameters": Rule("a table of the clusterer's own parameters", pairs),
    "magnitude": Rule("true or false", boolean),
    "layers": Rule("a list of layers' names", texts),
    "session_mb": Rule("a number of megabytes, at least 1", whole(1)),
    "probe_images": Rule("a whole number of at least 1", whole(1)),
    "device": Rule('"auto", "cpu", "cuda", "cuda:1" or "mps"', text),
    "batch": Rule("a whole number of at least 1", whole(1), optional=True),
}
_RULES = {"network": _NETWORK, "data": _DATA, "analysis": _ANALYSIS}
