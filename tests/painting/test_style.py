"""Figure styles are small toml files, checked when read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.painting.style import style, styles


def test_the_program_brings_styles_for_one_and_two_columns() -> None:
    assert {"single-column", "double-column", "slide", "screen"} <= set(styles())
    assert (style("single-column").width, style("double-column").width) == (85, 178)


def test_a_file_can_be_a_style(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('width = 120\nfont = "DejaVu Sans"\n')
    assert style(str(path)).width == 120


def test_an_unknown_field_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("widht = 120\n")
    with pytest.raises(InvalidValue, match=r"got 'widht'\. Did you mean 'width'"):
        style(str(path))


@pytest.mark.parametrize("text", ["width = 'wide'", "theme = 'pink'", "legend = 1"])
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidValue, match="must be"):
        style(str(path))


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("width: 3")
    with pytest.raises(UnreadableFile, match=r"mine\.toml must be a readable toml file"):
        style(str(path))
