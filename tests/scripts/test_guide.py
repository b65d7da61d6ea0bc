"""The documents show only pictures that a script makes."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = {
    "docs/guide.md": ("scripts/guide.py",),
    "docs/methods.md": ("scripts/methods.py",),
    "README.md": ("scripts/pictures.py", "scripts/methods.py"),
}


def linked(document: str) -> set[str]:
    """The names of the pictures that a document shows."""
    return {Path(name).stem for name in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", (ROOT / document).read_text())}


def made(script: str) -> set[str]:
    """The names of the pictures that a script writes."""
    texts = (n.value for n in ast.walk(ast.parse((ROOT / script).read_text())) if isinstance(n, ast.Constant))
    return {str(text).removesuffix(".png") for text in texts}


@pytest.mark.parametrize("document", MADE)
def test_every_picture_of_a_document_is_made_by_its_script_and_is_there(document):
    names = linked(document)
    assert len(names) >= 3
    assert names <= set.union(*map(made, MADE[document]))
    for name in names:
        assert (ROOT / "docs" / "pictures" / f"{name}.png").stat().st_size > 10_000


def test_no_picture_lies_about_that_no_document_shows():
    shown = set.union(*map(linked, MADE))
    assert {path.stem for path in (ROOT / "docs" / "pictures").glob("*.png")} == shown


@pytest.mark.parametrize("document", MADE)
def test_every_link_of_a_document_leads_somewhere(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), target
