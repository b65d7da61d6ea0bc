"""Figures: exact in millimetres, with text that stays text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from layout_sessions import a_session
from pictures import diagram
from PIL import Image

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Box
from cnnvis.painting.figure import export, picture

SUFFIXES = ("svg", "pdf", "png")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_figure_is_written_where_asked(tmp_path: Path, suffix: str) -> None:
    path = export(diagram(), tmp_path / f"figure.{suffix}")
    assert path == tmp_path / f"figure.{suffix}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_svg_has_the_width_of_its_style_in_millimetres(tmp_path: Path) -> None:
    text = export(diagram(), tmp_path / "a.svg", style="single-column").read_text()
    assert re.search(r'<svg width="85\.0000mm"', text)


def test_a_pdf_has_the_width_asked_for_to_a_hundredth_of_a_point(tmp_path: Path) -> None:
    data = export(diagram(), tmp_path / "a.pdf", width_mm=120).read_bytes()
    found = re.search(rb"/MediaBox \[0 [\d.]+ ([\d.]+) ", data)
    assert found is not None
    assert float(found[1]) == pytest.approx(120 / 25.4 * 72, abs=0.01)


def test_a_png_has_the_pixels_of_its_width_and_resolution(tmp_path: Path) -> None:
    with Image.open(export(diagram(), tmp_path / "a.png", width_mm=100, dpi=254)) as found:
        assert found.width == 1000
        assert found.info["dpi"][0] == pytest.approx(254, abs=0.1)


def test_text_stays_text_in_an_svg(tmp_path: Path) -> None:
    text = export(diagram(), tmp_path / "a.svg").read_text()
    assert "3 neurons" in text
    assert 'font-family="DejaVu Sans"' in text


def test_a_pdf_embeds_its_font(tmp_path: Path) -> None:
    data = export(diagram(), tmp_path / "a.pdf").read_bytes()
    assert b"DejaVuSans" in data
    assert b"/FontFile2" in data


def test_the_same_diagram_gives_the_same_svg_and_png(tmp_path: Path) -> None:
    for suffix in ("svg", "png"):
        one, two = (export(diagram(), tmp_path / f"{n}.{suffix}").read_bytes() for n in "ab")
        assert one == two


def test_paper_is_white(tmp_path: Path) -> None:
    with Image.open(export(diagram(), tmp_path / "a.png")) as found:
        assert found.getpixel((1, 1)) == (255, 255, 255)


def test_a_part_shows_only_the_cards_inside_it(tmp_path: Path) -> None:
    whole = diagram(n_columns=3)
    card = whole.cards[0]
    text = export(whole, tmp_path / "a.svg", box=Box(card.box.x, card.box.y, 40, 40), legend=False).read_text()
    assert "layer2" not in text


def test_the_legend_names_signs_and_classes(tmp_path: Path) -> None:
    text = export(diagram(), tmp_path / "a.svg").read_text()
    assert "inhibits" in text
    assert "class 9" in text


def test_the_caption_is_printed_on_request(tmp_path: Path) -> None:
    words = diagram().caption.split()[:3]
    with_caption = export(diagram(), tmp_path / "a.pdf", caption=True).stat().st_size
    assert with_caption > export(diagram(), tmp_path / "b.pdf", caption=False).stat().st_size
    assert words == ["A", "network", "without"]


def test_a_diagram_without_pictures_is_printed_with_faint_places(tmp_path: Path) -> None:
    assert export(replace(diagram(), pictures=None), tmp_path / "a.png").stat().st_size > 0


def test_an_empty_diagram_is_printed(tmp_path: Path) -> None:
    empty = replace(diagram(), columns=(), cards=(), links=(), legend=(), width=0, height=0)
    assert export(empty, tmp_path / "a.svg").exists()


def test_an_unknown_suffix_is_refused_with_those_that_work(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"must end in \.svg, \.pdf or \.png; got 'a\.jpg'"):
        export(diagram(), tmp_path / "a.jpg")


def test_an_unknown_style_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'double-column'"):
        export(diagram(), tmp_path / "a.svg", style="double-colum")


def test_a_missing_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="must be written to a folder that allows it"):
        export(diagram(), tmp_path / "none" / "a.svg")


@pytest.mark.parametrize(("width", "dpi"), [(1, 300), (100, 0), (5000, 2400)])
def test_an_impossible_size_is_refused(tmp_path: Path, width: float, dpi: float) -> None:
    with pytest.raises(InvalidValue, match=r"must be|too large"):
        export(diagram(), tmp_path / "a.png", width_mm=width, dpi=dpi)


def test_a_figure_needs_no_display_and_no_application(tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from pictures import diagram\n"
    code += "from cnnvis.painting.figure import export; export(diagram(), sys.argv[2])"
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    command = [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(tmp_path / "a.pdf")]
    subprocess.run(command, env=bare, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert (tmp_path / "a.pdf").exists()


def test_the_clipboard_gets_the_whole_picture() -> None:
    image = picture(diagram(), dpi=96)
    cards = diagram().cards
    assert image.width() >= max(c.box.right for c in cards) - min(c.box.x for c in cards)


def test_a_narrow_figure_of_a_wide_picture_has_no_words_that_print_would_lose(tmp_path: Path) -> None:
    wide = draw(a_session((16,) * 12, 3))
    narrow, roomy = (
        export(wide, tmp_path / f"{name}.svg", style=name).read_text() for name in ("single-column", "screen")
    )
    assert re.search(r">\d+ neurons<", roomy)
    assert not re.search(r">\d+ neurons<", narrow)
    assert "<image" in narrow
