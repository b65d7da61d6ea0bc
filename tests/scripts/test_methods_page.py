"""docs/methods.md has a section for each explanation method, and what it says to type is right."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

import cnnvis as cv
from cnnvis.compute.methods import EVERY
from cnnvis.workflow.asking import asked_method

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))

each = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


def test_the_methods_stand_in_the_order_in_which_they_are_offered():
    assert list(SECTIONS) == [kind.title for kind in EVERY]


def test_the_families_stand_together():
    families = [kind.family for kind in EVERY]
    assert len(list(dict.fromkeys(families))) == 1 + sum(a != b for a, b in pairwise(families))
    headings = [head.lower() for head in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)]
    assert headings[: len(set(families))] == list(dict.fromkeys(families))


@each
def test_a_section_has_words_formula_picture_trust_and_paper(kind):
    section = SECTIONS[kind.title]
    name = kind.__module__.rsplit(".", 1)[-1].replace("_", "-")
    assert f"(pictures/method-{name}.png)" in section
    assert re.search(r"^    \S.*[=|+].*$", section, re.MULTILINE)
    assert "**When to trust it.** " in section
    assert re.search(r"\*\*Paper\.\*\* .*(arXiv|no arXiv)", section, re.DOTALL)


@each
def test_its_lines_of_python_and_of_the_command_line_ask_the_same(kind):
    section = SECTIONS[kind.title]
    python = re.findall(r"^    cv\.attribute\(.*?(cv\.methods\.\w+\(.*?\))[,)]", section, re.MULTILINE)[0]
    made = eval(python, {"cv": cv})
    line = re.findall(r"^    cnnvis explain .*$", section, re.MULTILINE)[0]
    name = re.findall(r'--method (?:"([^"]+)"|(\S+))', line)[0]
    asked = asked_method("".join(name), re.findall(r"--set (\S+)", line))
    assert type(made) is kind
    assert asked == made


@each
def test_the_page_gives_the_arxiv_number_that_the_method_gives(kind):
    for number in re.findall(r"arXiv (\d{4}\.\d{5})", kind.paper):
        assert f"https://arxiv.org/abs/{number}" in SECTIONS[kind.title]
