"""Figure styles: how wide, in which font, with which colours a picture is printed. One toml file each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cnnvis.assets import resource
from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile, did_you_mean
from cnnvis.layout.theme import DARK, LIGHT, PRINT, QUIET, Theme

_THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK, "print": PRINT}


@dataclass(frozen=True, slots=True)
class Style:
    """How a figure is printed.

    `width` in mm of the whole figure; 0: one diagram pixel is 1/96 inch. `margin` in mm. `font` is a family
    that every machine has or the program brings along (DejaVu Sans). `text` is the size of legend and caption
    in points. `edges` (0–1) is how strongly links show. `detail` chooses the marks as a window would at this
    zoom; 0: those that can be read in print at the width.
    """

    name: str
    title: str = ""
    width: float = 0.0
    margin: float = 2.0
    font: str = "DejaVu Sans"
    text: float = 7.0
    theme: Literal["light", "dark", "print"] = "print"
    edges: float = QUIET
    detail: float = 0.0
    legend: bool = True
    caption: bool = False

    @property
    def colours(self) -> Theme:
        return _THEMES[self.theme]


def styles() -> tuple[str, ...]:
    """The names of the styles that come with the program."""
    return tuple(sorted(path.stem for path in resource("styles").glob("*.toml")))


@lru_cache(maxsize=32)
def style(name: str) -> Style:
    """The style of a name, or of a toml file where `name` is the path of one.

    Raises UnknownName, UnreadableFile or InvalidValue.
    """
    if name.endswith(".toml"):
        return read(Path(name))
    if name not in styles():
        raise UnknownName(f"A figure's style must be one that exists; got {name!r}. {did_you_mean(name, styles())}")
    return read(resource("styles", f"{name}.toml"))


def read(path: Path) -> Style:
    """The style in a toml file."""
    try:
        with path.open("rb") as file:
            values: dict[str, Any] = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UnreadableFile(f"The style {path.name} must be a readable toml file; got: {error}.") from error
    known = {f.name: f for f in fields(Style) if f.name != "name"}
    for key, value in values.items():
        if key not in known:
            raise InvalidValue(f"The style {path.name} must set known fields; got {key!r}. {did_you_mean(key, known)}")
        wanted = type(known[key].default)
        if not isinstance(value, wanted if wanted is not float else (int, float)):
            raise InvalidValue(f"{key} in the style {path.name} must be a {wanted.__name__}; got {value!r}.")
    if values.get("theme", "print") not in _THEMES:
        raise InvalidValue(f"theme in the style {path.name} must be one of {list(_THEMES)}; got {values['theme']!r}.")
    return Style(path.stem, **values)
