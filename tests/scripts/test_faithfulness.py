"""What docs/faithfulness.md says of tables, on fewer rows; and how the page is put together."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "faithfulness"


def part(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"faithfulness_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_breast_cancer_data_gives_the_figures_of_the_dlime_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = part("tables", monkeypatch)
    split = tables.breast_cancer()
    rows, bands = split.values[split.testing][:8], {"random forest": (0.1, 0.4), "neural network": (0.4, 0.65)}
    for case in tables.cases(split):
        methods = tables.methods(split, case.predict)
        found = {name: tables.measured(rows, explain, 6) for name, explain in methods.items()}
        low, high = bands[case.name]
        assert low < found["LIME"][0].mean() < high
        assert not found["DLIME"][0].any()
        assert not found["DLIME as published"][0].any()
        assert found["DLIME"][1].mean() > found["LIME"][1].mean() > 0
        assert found["DLIME as published"][1].mean() < 0.3


def test_the_distance_of_sets_is_that_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = part("tables", monkeypatch)
    assert tables.distance([{"a", "b"}] * 3) == 0
    assert tables.distance([{"a", "b"}, {"c", "d"}]) == 0.5
    assert np.isclose(tables.distance([{"a", "b"}, {"b", "c"}]), (1 - 1 / 3) / 2)


def test_a_section_is_written_into_its_place_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    written = part("page", monkeypatch).written
    order = ("maps", "tables")
    page = written("", "tables", "## Tables\n\nformer", order)
    page = written(page, "maps", "## Maps", order)
    again = written(page, "tables", "## Tables\n\nlatter", order)
    assert again.index("## Maps") < again.index("latter")
    assert "former" not in again
    assert written(again, "maps", "## Maps", order) == again
