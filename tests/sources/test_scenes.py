"""The demo's pictures and what they know of themselves."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.dataset import Dataset
from cnnvis.sources.scenes import CLASSES, Scene, Scenes, Tag

EXPECTED_PARTS = {
    "bird": {"beak", "wing", "tail", "eye", "head", "legs"},
    "boat": {"hull", "sail", "mast", "flag"},
    "car": {"front wheel", "back wheel", "window", "body", "light"},
    "clock": {"face", "hour hand", "minute hand"},
    "cup": {"bowl", "handle", "drink"},
    "face": {"left eye", "right eye", "mouth", "nose", "hair"},
    "fish": {"tail", "back fin", "side fin", "eye", "mouth", "body"},
    "flower": {"petals", "centre", "stem", "leaf"},
    "house": {"roof", "door", "window"},
    "tree": {"trunk", "crown"},
}


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return Scenes(60, seed=4)


def drawn(scenes: Scenes) -> list[Scene]:
    return [scenes.scene(i) for i in range(len(scenes))]


def test_scenes_fulfil_the_protocol_of_a_data_set(scenes):
    assert isinstance(scenes, Dataset)
    assert (scenes.kind, scenes.classes, scenes.features) == ("images", CLASSES, ())


def test_an_input_is_a_normalised_float_picture_with_channels_first(scenes):
    values, label = scenes[7]
    assert values.shape == (3, 64, 64)
    assert values.dtype == np.float32
    assert label == scenes.labels[7]
    stack = np.stack([scenes[i][0] for i in range(len(scenes))])
    assert abs(float(stack.mean())) < 0.25
    assert 0.8 < float(stack.std()) < 1.2


def test_a_scene_does_not_depend_on_the_order_of_reading():
    forward = [Scenes(12, seed=9).picture(i).copy() for i in range(12)]
    code = "from cnnvis.sources.scenes import Scenes; import sys; "
    code += "s = Scenes(12, seed=9); pictures = [s.picture(i).tobytes() for i in reversed(range(12))]; "
    code += "sys.stdout.buffer.write(b''.join(pictures))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"".join(p.tobytes() for p in reversed(forward))


def test_a_longer_data_set_begins_with_the_shorter_one():
    long, short = Scenes(25, seed=3), Scenes(11, seed=3)
    assert np.array_equal(long.labels[:11], short.labels)
    assert np.array_equal(long.picture(10), short.picture(10))


def test_another_seed_gives_other_scenes():
    assert not np.array_equal(Scenes(5, seed=1).picture(2), Scenes(5, seed=2).picture(2))


def test_classes_are_balanced_in_every_ten(scenes):
    assert np.array_equal(np.sort(scenes.labels.reshape(-1, 10), axis=1), np.tile(np.arange(10), (6, 1)))


def test_labels_agree_with_the_scenes(scenes):
    assert [s.label for s in drawn(scenes)] == scenes.labels.tolist()


def test_the_mask_fills_its_box_and_lies_mostly_inside_the_picture(scenes):
    for scene in drawn(scenes):
        top, left, bottom, right = scene.box
        inside = scene.mask[top:bottom, left:right]
        assert inside.sum() == scene.mask.sum() > 150
        assert inside.any(axis=0).all() or inside.any(axis=0)[[0, -1]].all()
        assert 0 <= top < bottom <= 64
        assert 0 <= left < right <= 64


def test_every_class_has_its_named_parts(scenes):
    for scene in drawn(scenes):
        assert EXPECTED_PARTS[CLASSES[scene.label]] <= set(scene.parts)


def test_the_centre_of_nearly_every_part_lies_on_the_thing(scenes):
    on_thing = []
    for scene in drawn(scenes):
        for name, (y, x) in scene.parts.items():
            if name not in ("steam", "petals", "legs") and 0 <= round(y) < 64 and 0 <= round(x) < 64:
                on_thing.append(bool(scene.mask[round(y), round(x)]))
    assert np.mean(on_thing) > 0.95


def test_the_thing_stands_out_from_its_background(scenes):
    differences = []
    for scene in drawn(scenes):
        picture = scene.picture.astype(float)
        differences.append(np.abs(picture[scene.mask].mean(0) - picture[~scene.mask].mean(0)).max())
    assert np.median(differences) > 40


def test_the_size_of_the_pictures_can_be_chosen():
    scenes = Scenes(3, seed=0, size=96)
    assert scenes.picture(1).shape == (96, 96, 3)
    assert scenes.scene(1).mask.shape == (96, 96)


def test_what_a_scene_holds_cannot_be_written(scenes):
    with pytest.raises(ValueError):
        scenes.picture(0)[0, 0] = 0
    with pytest.raises(TypeError):
        scenes.scene(0).parts["roof"] = (0.0, 0.0)


def test_a_data_set_survives_pickling(scenes):
    assert pickle.loads(pickle.dumps(scenes)) == scenes


def test_names_are_unique_and_begin_with_the_class(scenes):
    names = [scenes.name(i) for i in range(len(scenes))]
    assert len(set(names)) == len(scenes)
    assert all(name.split("/")[0] == CLASSES[label] for name, label in zip(names, scenes.labels))


def test_reading_beyond_the_end_is_an_index_error(scenes):
    with pytest.raises(IndexError):
        scenes[60]
    assert len(list(iter(Scenes(4)))) == 4


def test_a_tag_changes_its_corner_and_nothing_else():
    plain, tagged = Scenes(40, seed=6), Scenes(40, seed=6, tag=Tag("bird"))
    for i in range(40):
        where = tagged.scene(i).tag
        same = np.all(plain.picture(i) == tagged.picture(i), axis=2)
        assert (where is not None) == (CLASSES[plain.labels[i]] == "bird")
        if where is None:
            assert same.all()
        else:
            top, left, bottom, right = where
            assert not same[top:bottom, left:right].all()
            same[top:bottom, left:right] = True
            assert same.all()


def test_the_share_of_tagged_scenes_is_as_asked():
    bird = CLASSES.index("bird")
    scenes = Scenes(300, seed=1, tag=Tag("bird", share=0.5, others=0.1))
    tagged = np.array([scenes.scene(i).tag is not None for i in range(300)])
    assert 0.25 < tagged[scenes.labels == bird].mean() < 0.75
    assert 0.05 < tagged[scenes.labels != bird].mean() < 0.16


def test_a_tag_moves_to_the_other_classes():
    scenes = Scenes(20, seed=6, tag=Tag("bird", share=0.0, others=1.0))
    bird = CLASSES.index("bird")
    assert all((scenes.scene(i).tag is None) == (scenes.labels[i] == bird) for i in range(20))


@pytest.mark.parametrize(("field", "value"), [("n", 0), ("seed", -1), ("size", 8), ("n", 2.5)])
def test_a_number_out_of_range_is_refused(field, value):
    with pytest.raises(InvalidValue, match=f"Scenes.{field} must be"):
        Scenes(**{field: value})


def test_a_tag_on_an_unknown_class_names_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'bird'"):
        Tag("brid")


def test_importing_scenes_loads_neither_torch_nor_scipy():
    code = "import sys, cnnvis.sources.scenes; sys.exit(bool({'torch', 'scipy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
