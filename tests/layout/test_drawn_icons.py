"""Images drawn for neurons in the place of patches of real ones: in the session, on cards, in figures and files."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_session, faces, looked
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.layout.caption import caption
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Patch
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
        assert picture.tobytes() == session.synthesis.of(LAYER).values[patch.unit].tobytes()
    assert all(p.sample >= 0 for p in real)


def test_layers_without_drawn_images_keep_their_patches() -> None:
    session = looked(a_session((16, 64), 3).with_icons(icons("layer1.conv1", 4)), source="synthesis")
    assert all(patch.sample >= 0 for patch in patches(session))


def test_neurons_that_were_not_drawn_yet_keep_a_pale_real_patch() -> None:
    session = looked(a_session((16, 64), 3), source="synthesis")
    found = patches(session.with_icons(icons(LAYER, 30)))
    for patch in found:
        assert (patch.sample < -1) == (patch.unit < 30)
        assert (patch.strength == 1.0) == (patch.unit < 30)


def both() -> Session:
    session = a_session((16, 64), 3).with_icons(icons(LAYER, 64))
    return looked(session.with_icons(replace(icons(LAYER, 64, seed=1), way="min")), source="extremes")


def test_what_drives_a_neuron_most_and_least_are_the_halves_of_its_patch() -> None:
    session = both()
    whole = {p.unit: p.box for p in patches(looked(session, source="synthesis"))}
    halves: dict[int, list[Patch]] = {}
    for patch in patches(session):
        halves.setdefault(patch.unit, []).append(patch)
    assert halves.keys() == whole.keys()
    for unit, (left, right) in halves.items():
        assert left.sample == session.synthesis.number(LAYER, unit)
        assert right.sample == session.synthesis.number(LAYER, unit, "min")
        assert left.box.w + right.box.w == pytest.approx(whole[unit].w)
        assert left.box.right == pytest.approx(right.box.x)
        assert left.crop == right.crop == (0, 6, 24, 18)


def test_one_half_alone_takes_the_whole_patch() -> None:
    session = looked(a_session((16, 64), 3).with_icons(icons(LAYER, 64)), source="extremes")
    assert patches(session) == patches(drawn())


def test_several_images_of_a_neuron_are_the_quarters_of_its_patch() -> None:
    four = replace(icons(LAYER, 64), values=np.zeros((256, 8, 8, 3), np.uint8), drive=np.ones(256), copies=4)
    found = patches(looked(a_session((16, 64), 3).with_icons(replace(four, way="diverse")), source="diverse"))
    first = [p for p in found if p.unit == found[0].unit]
    assert len({p.sample for p in first}) == 4
    assert len({(p.box.x, p.box.y) for p in first}) == 4


def test_the_caption_says_what_was_drawn_and_how() -> None:
    assert "drawn" not in caption(looked(both(), source="images"))
    assert "drawn" not in caption(looked(both(), facet="activations"))
    found = caption(both())
    assert "with images drawn from noise to drive their neurons most, in the left half, and least" in found
    assert "(feature visualization, 128 steps, seed 0); 98 % of the left halves go further" in found


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
    assert np.array_equal(synthesis.picture(number), synthesis.of("b").values[4])  # type: ignore[arg-type]
    assert synthesis.number("b", 5) is None
    assert synthesis.number("c", 0) is None
    assert Synthesis().picture(number) is None
    assert icons("a", 4).beyond == 0.75


def test_icons_must_be_one_for_each_unit() -> None:
    with pytest.raises(InvalidValue, match="one for each of 3 units; got 2"):
        replace(icons("a", 2), units=(0, 1, 2))


def test_drawn_images_come_back_from_a_file(tmp_path) -> None:
    name = made_up_session().analysis.network.drawn[1].name
    before = looked(made_up_session().with_icons(icons(name, 6, steps=96)), source="extremes")
    after = load(save(before, tmp_path / "mine"))
    found, held = after.synthesis.of(name), before.synthesis.of(name)
    assert after.look.source == "extremes"
    assert (found.layer, found.units, found.steps.tolist()) == (held.layer, held.units, held.steps.tolist())
    assert found.values.tobytes() == held.values.tobytes()
    assert found.drive.tolist() == held.drive.tolist()
    assert found.strongest.tolist() == held.strongest.tolist()


def test_the_file_keeps_whole_layers_within_a_budget(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("cnnvis.storage.icons.BUDGET", 15_000)
    session = made_up_session().with_icons(icons("a", 6)).with_icons(icons("b", 6))
    assert list(load(save(session, tmp_path / "mine")).synthesis.icons) == [("a", "max")]


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


def test_several_ways_of_a_layer_come_back_from_a_file(tmp_path) -> None:
    four = replace(icons("a", 2), values=np.zeros((8, 8, 8, 3), np.uint8), drive=np.arange(8), copies=4, way="diverse")
    session = made_up_session().with_icons(icons("a", 3)).with_icons(replace(four, seed=5))
    session = session.with_icons(replace(icons("a", 2), way="min", steps=np.array([32, 128])))
    found = load(save(session, tmp_path / "mine")).synthesis
    assert list(found.icons) == [("a", "max"), ("a", "diverse"), ("a", "min")]
    several, least = found.of("a", "diverse"), found.of("a", "min")
    assert several is not None
    assert least is not None
    assert (several.copies, several.seed, several.driven(1)[0].tolist()) == (4, 5, [4, 5, 6, 7])
    assert [least.drawn(unit) for unit in range(3)] == [32, 128, 0]


def test_further_down_is_beyond_for_those_driven_down() -> None:
    found = replace(icons("a", 4), way="min", drive=np.array([-3, -1, 0, 2]), strongest=np.array([-2, -2, 1, np.inf]))
    assert found.beyond == pytest.approx(2 / 3)
