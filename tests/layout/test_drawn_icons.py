"""Images drawn for neurons in the place of patches of real ones: in the session, on cards, in figures and files."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_session, faces, looked
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Label, Patch
from cnnvis.layout.svg import svg
from cnnvis.model.document import Document
from cnnvis.model.session import Session
from cnnvis.model.synthesis import Icons, Synthesis
from cnnvis.storage.archive import load, save

LAYER = "layer2.conv2"


def icons(layer: str, units: int, steps: int = 128, seed: int = 0) -> Icons:
    values = np.random.default_rng(seed).integers(0, 256, (units, 24, 24, 3), dtype=np.uint8)
    drive = np.arange(units, dtype=np.float32)
    return Icons(layer, tuple(range(units)), values, drive, np.full(units, 0.5, np.float32), steps)


def patches(session: Session) -> list[Patch]:
    return [
        mark
        for key, face in faces(draw(session)).items()
        if key[1] == LAYER
        for mark in face.marks
        if isinstance(mark, Patch)
    ]


def drawn() -> Session:
    return looked(a_session((16, 64), 3).with_icons(icons(LAYER, 64)), source="synthesis")


def test_a_drawn_image_takes_the_place_of_each_patch() -> None:
    session = drawn()
    real, found = patches(looked(session, source="images")), patches(session)
    assert [(p.box, p.unit) for p in found] == [(p.box, p.unit) for p in real]
    for patch in found:
        picture = session.picture(patch.sample)
        assert picture is not None
        assert patch.crop is None
        assert picture.tobytes() == session.synthesis.icons[LAYER].values[patch.unit].tobytes()
    assert all(p.sample >= 0 for p in real)


def test_layers_without_drawn_images_keep_their_patches() -> None:
    session = looked(a_session((16, 64), 3).with_icons(icons("layer1.conv1", 4)), source="synthesis")
    assert all(patch.sample >= 0 for patch in patches(session))


def test_neurons_that_were_not_drawn_yet_leave_their_place_empty() -> None:
    session = looked(a_session((16, 64), 3), source="synthesis")
    some = patches(session.with_icons(icons(LAYER, 30)))
    assert {p.unit for p in some} <= set(range(30))
    texts = [
        mark.text
        for key, face in faces(draw(session.with_icons(icons(LAYER, 1)))).items()
        if key[1] == LAYER
        for mark in face.marks
        if isinstance(mark, Label)
    ]
    assert "not drawn yet" in texts


def test_a_finer_image_has_another_number_and_another_face() -> None:
    session = drawn()
    finer = session.with_icons(icons(LAYER, 64, steps=512, seed=1))
    assert {p.sample for p in patches(session)}.isdisjoint({p.sample for p in patches(finer)})
    one, same = (faces(draw(session)) for _ in range(2))
    other = faces(draw(finer))
    key = next(k for k in one if k[1] == LAYER)
    assert one[key] is same[key]
    assert one[key] is not other[key]


def test_figures_show_drawn_images() -> None:
    session = drawn()
    assert svg(draw(session)) != svg(draw(looked(session, source="images")))


def test_numbers_and_pictures_belong_together() -> None:
    synthesis = Synthesis().with_icons(icons("a", 3)).with_icons(icons("b", 5, seed=1))
    numbers = {synthesis.number(layer, unit) for layer, n in (("a", 3), ("b", 5)) for unit in range(n)}
    assert len(numbers) == 8
    assert max(numbers) < -1  # type: ignore[type-var]
    number = synthesis.number("b", 4)
    assert number is not None
    assert np.array_equal(synthesis.picture(number), synthesis.icons["b"].values[4])  # type: ignore[arg-type]
    assert synthesis.number("b", 5) is None
    assert synthesis.number("c", 0) is None
    assert Synthesis().picture(number) is None
    assert icons("a", 4).beyond == 0.75


def test_icons_must_be_one_for_each_unit() -> None:
    with pytest.raises(InvalidValue, match="one for each of 3 units; got 2"):
        replace(icons("a", 2), units=(0, 1, 2))


def test_drawn_images_come_back_from_a_file(tmp_path) -> None:
    name = made_up_session().analysis.network.drawn[1].name
    before = looked(made_up_session().with_icons(icons(name, 6, steps=96)), source="synthesis")
    after = load(save(before, tmp_path / "mine"))
    found, held = after.synthesis.icons[name], before.synthesis.icons[name]
    assert after.look.source == "synthesis"
    assert (found.layer, found.units, found.steps) == (held.layer, held.units, held.steps)
    assert found.values.tobytes() == held.values.tobytes()
    assert found.drive.tolist() == held.drive.tolist()
    assert found.strongest.tolist() == held.strongest.tolist()


def test_the_file_keeps_whole_layers_within_a_budget(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("cnnvis.storage.icons.BUDGET", 15_000)
    session = made_up_session().with_icons(icons("a", 6)).with_icons(icons("b", 6))
    assert list(load(save(session, tmp_path / "mine")).synthesis.icons) == ["a"]


def test_a_damaged_image_is_said_in_a_sentence(tmp_path) -> None:
    path = save(made_up_session().with_icons(icons("a", 2)), tmp_path / "mine")
    with zipfile.ZipFile(path) as source:
        entries = {n: source.read(n) for n in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, held in entries.items():
            target.writestr(name, b"torn" if name == "icons/0/1" else held)
    with pytest.raises(UnreadableFile, match="its content is damaged"):
        load(path)


def test_drawn_images_are_something_to_save() -> None:
    document = Document(made_up_session())
    document.mark_saved()
    document.update(document.session.with_icons(icons("a", 2)))
    assert document.unsaved
