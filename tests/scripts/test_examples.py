import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "scripts" / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_writes_what_it_says(path, tmp_path):
    written = runpy.run_path(str(path))["main"](tmp_path)
    assert written
    for found in written:
        assert found.stat().st_size > 100
