from __future__ import annotations

import io
import json
import pickle
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnvis.errors import InvalidValue, ModelFailure, UnknownName, UnreadableFile, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.image_files import Preparation
from cnnvis.sources.image_lists import open_image_list
from cnnvis.sources.images import ImageData, open_images
from cnnvis.sources.transforms import Transform


def png(value: int = 100, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(tmp_path: Path, files: Mapping[str, bytes], form: str, name: str = "data") -> Path:
    if form == "zip":
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return path
    for file, content in files.items():
        target = tmp_path / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / name


def named(*names: str) -> dict[str, bytes]:
    return {name: png() for name in names}


def opened(path: Path, **options: Any) -> ImageData:
    return open_images(path, Preparation(size=(8, 8)), **options)


both = pytest.mark.parametrize("form", ["zip", "folder"])
PETS = ClassNames(("dog", "cat", "guinea pig"))


@both
def test_sub_folders_are_classes(tmp_path: Path, form: str) -> None:
    data = opened(packed(tmp_path, named("dog/2.png", "dog/10.png", "cat/1.jpg", "dog/sub/x.PNG"), form))
    assert data.classes == ("cat", "dog")
    assert data.files == ("cat/1.jpg", "dog/2.png", "dog/10.png", "dog/sub/x.PNG")
    assert data.labels.tolist() == [0, 1, 1, 1]
    assert isinstance(data, Dataset)
    assert data[1][0].shape == (3, 8, 8)
    assert data[1][1] == 1


@both
def test_folders_are_matched_to_the_networks_classes(tmp_path: Path, form: str) -> None:
    data = opened(packed(tmp_path, named("Cat/1.png", "Guinea_Pig/1.png", "dog/1.png"), form), classes=PETS)
    assert data.labels.tolist() == [1, 0, 2]
    assert data.classes == PETS.names


def test_folders_with_a_number_before_the_name_are_matched(tmp_path: Path) -> None:
    data = opened(packed(tmp_path, named("001.Dog/1.png", "002.Guinea_pig/1.png"), "zip"), classes=PETS)
    assert data.labels.tolist() == [0, 2]


def test_folders_may_be_numbers_of_classes(tmp_path: Path) -> None:
    data = opened(packed(tmp_path, named("0/1.png", "2/1.png"), "zip"), classes=PETS)
    assert data.labels.tolist() == [0, 2]


def test_wordnet_ids_tell_classes_of_one_name_apart(tmp_path: Path) -> None:
    known = ClassNames(("crane", "tench", "crane"), ("n02012849", "n01440764", "n03126707"))
    path = packed(tmp_path, named("imagenet/n03126707/a.JPEG", "imagenet/n01440764/b.JPEG"), "zip")
    assert opened(path, classes=known).labels.tolist() == [1, 2]
    with pytest.raises(UnknownName, match="'crane' is the name of classes 0 and 2"):
        opened(packed(tmp_path, named("crane/1.png", "tench/1.png"), "folder"), classes=known)


@both
def test_a_folder_around_everything_is_looked_through(tmp_path: Path, form: str) -> None:
    path = packed(tmp_path, named("wrap/more/cat/1.png", "wrap/more/dog/1.png"), form)
    assert opened(path).classes == ("cat", "dog")


@both
def test_inside_chooses_a_sub_folder(tmp_path: Path, form: str) -> None:
    files = named("all/train/cat/1.png", "all/train/dog/1.png", "all/test/cat/2.png", "all/test/dog/2.png")
    path = packed(tmp_path, files, form)
    for inside in ("test", "all/test", "test/", "./all/test"):
        data = opened(path, inside=inside)
        assert data.files == ("all/test/cat/2.png", "all/test/dog/2.png")
        assert data.labels.tolist() == [0, 1]


def test_an_unknown_sub_folder_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = packed(tmp_path, named("train/cat/1.png", "test/cat/1.png"), "zip")
    with pytest.raises(UnknownName, match=r"'tset'\. Did you mean 'test'\?"):
        opened(path, inside="tset")


def test_splits_are_asked_about_and_not_taken_for_classes(tmp_path: Path) -> None:
    path = packed(tmp_path, named("train/cat/1.png", "train/dog/1.png", "test/cat/1.png"), "zip")
    for known in (None, PETS):
        with pytest.raises(InvalidValue, match=r"inside must choose one of .*'test' or 'train'"):
            opened(path, classes=known)


@both
def test_an_unknown_class_folder_is_named_with_the_nearest(tmp_path: Path, form: str) -> None:
    path = packed(tmp_path, named("dgo/1.png", "cat/1.png"), form)
    with pytest.raises(UnknownName, match=r"got 'dgo'\. Did you mean 'dog'\?"):
        opened(path, classes=PETS)


@both
def test_images_without_folders_have_no_label(tmp_path: Path, form: str) -> None:
    data = opened(packed(tmp_path, named("b.png", "a.png"), form))
    assert data.files == ("a.png", "b.png")
    assert data.labels.tolist() == [-1, -1]
    assert data[0][1] is None
    assert data.classes == ()


def test_unlabelled_images_keep_the_networks_classes(tmp_path: Path) -> None:
    data = opened(packed(tmp_path, named("holiday/a.png", "holiday/b.png"), "zip"), classes=PETS)
    assert (data.classes, data.labels.tolist()) == (PETS.names, [-1, -1])


def test_one_folder_of_a_class_is_that_class(tmp_path: Path) -> None:
    assert opened(packed(tmp_path, named("cat/a.png"), "zip"), classes=PETS).labels.tolist() == [1]


@both
def test_what_systems_leave_behind_is_ignored_and_other_files_are_counted(tmp_path: Path, form: str) -> None:
    left = ("cat/.DS_Store", "cat/Thumbs.db", "__MACOSX/cat/._1.png", ".git/x.png", "cat/._1.png", "cat/desktop.ini")
    files = named("cat/1.png", "dog/1.png", *left) | {"readme.txt": b"x", "cat/list.csv": b"x"}
    data = opened(packed(tmp_path, files, form))
    assert data.files == ("cat/1.png", "dog/1.png")
    assert data.notes == ("2 files are no images and were left out (list.csv, readme.txt).",)


@both
def test_a_place_without_images_is_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(InvalidValue, match=r"at least one image; .* has 1 other files \(\.txt\)"):
        opened(packed(tmp_path, {"a.txt": b"x"}, form))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidValue, match="none is empty"):
        opened(tmp_path / "none")


def test_a_missing_or_torn_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="does not"):
        opened(tmp_path / "none.zip")
    (tmp_path / "torn.zip").write_bytes(packed(tmp_path, named("a/1.png"), "zip").read_bytes()[:60])
    with pytest.raises(UnreadableFile, match=r"torn\.zip must be a folder, a zip or a csv"):
        opened(tmp_path / "torn.zip")


@both
def test_a_broken_image_is_named_and_the_others_are_read(tmp_path: Path, form: str) -> None:
    data = opened(packed(tmp_path, {"a/1.png": png()[:50], "a/2.png": png(), "b/3.png": b""}, form))
    for broken in (0, 2):
        with pytest.raises(UnreadableSample, match=data.name(broken)):
            data[broken]
        with pytest.raises(UnreadableSample):
            data.picture(broken)
    assert data[1][0].shape == (3, 8, 8)


def test_a_file_that_vanishes_is_one_unreadable_sample(tmp_path: Path) -> None:
    data = opened(packed(tmp_path, named("a/1.png", "b/2.png"), "folder"))
    (tmp_path / "data" / "a" / "1.png").unlink()
    with pytest.raises(UnreadableSample, match=r"a/1\.png cannot be read: No such file"):
        data[0]


def test_a_wrong_sum_in_a_zip_is_one_unreadable_sample(tmp_path: Path) -> None:
    path = packed(tmp_path, named("a/1.png", "b/2.png"), "zip")
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    data = opened(path)
    with pytest.raises(UnreadableSample, match=r"a/1\.png cannot be read from data\.zip"):
        data[0]
    assert data[1][1] == 1


def test_names_in_a_zip_lead_nowhere_outside(tmp_path: Path) -> None:
    data = opened(packed(tmp_path, named("../../evil/1.png", "cat/1.png"), "zip"))
    assert data.picture(0).shape == (8, 8, 3)
    assert not (tmp_path.parent / "evil").exists()


def test_a_link_to_the_folder_it_lies_in_is_no_endless_way(tmp_path: Path) -> None:
    path = packed(tmp_path, named("cat/1.png", "dog/1.png"), "folder")
    (path / "cat" / "again").symlink_to(path, target_is_directory=True)
    assert opened(path).files == ("cat/1.png", "dog/1.png")


def test_so_many_of_each_class_are_drawn_by_the_seed(tmp_path: Path) -> None:
    path = packed(tmp_path, named(*(f"{c}/{i}.png" for c in "ab" for i in range(20)), "c/1.png"), "zip")
    first, again, other = (opened(path, per_class=5, seed=s) for s in (1, 1, 2))
    assert np.bincount(first.labels).tolist() == [5, 5, 1]
    assert first.files == again.files != other.files
    assert opened(path, per_class=100).files == opened(path).files


def test_what_is_drawn_of_a_class_does_not_depend_on_the_others(tmp_path: Path) -> None:
    few = packed(tmp_path, named(*(f"cat/{i}.png" for i in range(9)), "dog/1.png"), "zip", "few")
    more = packed(tmp_path, named(*(f"cat/{i}.png" for i in range(9)), *(f"dog/{i}.png" for i in range(9))), "zip")
    drawn = [[f for f in opened(p, per_class=3, classes=PETS).files if "cat" in f] for p in (few, more)]
    assert drawn[0] == drawn[1]


@both
def test_a_data_set_can_be_pickled_and_read_by_threads(tmp_path: Path, form: str) -> None:
    files = {f"{c}/{i}.png": png(10 * i) for c in "ab" for i in range(20)}
    data = opened(packed(tmp_path, files, form))
    again = pickle.loads(pickle.dumps(data))
    wrong: list[int] = []

    def read(start: int) -> None:
        for index in range(start, len(again), 2):
            if int(again.picture(index)[0, 0, 0]) != 10 * (index % 20):
                wrong.append(index)

    threads = [threading.Thread(target=read, args=(i % 2,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert (again[3][0] == data[3][0]).all()


def half(image: Image.Image) -> np.ndarray[Any, Any]:
    small = np.asarray(image.resize((4, 4)), np.float32) / 255
    return (small.transpose(2, 0, 1) - 0.5) / 0.5


def test_a_transform_of_the_users_makes_the_input(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a/1.png": png(200), "b/2.png": png(0)}, "zip")
    prepared = Preparation(size=(8, 8), mean=(0.5,), std=(0.5,))
    data = open_images(path, prepared, transform=Transform(half))
    assert data[0][0].shape == (3, 4, 4)
    assert (data.picture(0) == 200).all()
    assert data.picture(1).shape == (4, 4, 3)


def test_a_transform_is_named_by_file_and_function(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nimport torch\n"
        "def flat(image): return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float()\n"
        "def bad(image): return image.nothing\n"
        "def odd(image): return 'text'\n",
        encoding="utf-8",
    )
    path = packed(tmp_path, named("a/1.png"), "zip")

    def with_function(name: str) -> ImageData:
        return open_images(path, Preparation(), transform=Transform(f"mine.py:{name}", tmp_path))

    data = pickle.loads(pickle.dumps(with_function("flat")))
    assert float(data[0][0].max()) == 100.0
    assert (data.picture(0) == 100).all()
    with pytest.raises(ModelFailure, match=r"on a/1\.png it raised AttributeError"):
        with_function("bad")[0]
    with pytest.raises(InvalidValue, match="got a str"):
        with_function("odd")[0]


def listed(tmp_path: Path, text: str, **options: Any) -> ImageData:
    packed(tmp_path, named("x/1.png", "x/2.png", "x/3.png"), "folder", "pictures")
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    return open_image_list(tmp_path / "list.csv", Preparation(size=(8, 8)), **options)


def test_a_csv_names_paths_and_labels(tmp_path: Path) -> None:
    data = listed(tmp_path, "path,label\npictures/x/2.png,dog\npictures\\x\\1.png,cat\n")
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [1, 0]
    assert data[1][0].shape == (3, 8, 8)


def test_a_csv_needs_no_header_and_may_have_semicolons(tmp_path: Path) -> None:
    data = listed(tmp_path, "pictures/x/2.png;1\npictures/x/1.png;0\n", classes=PETS)
    assert data.labels.tolist() == [1, 0]


def test_a_csv_may_name_several_classes_of_an_image(tmp_path: Path) -> None:
    data = listed(tmp_path, "path,label\npictures/x/1.png,cat|dog\npictures/x/2.png,\npictures/x/3.png,dog")
    assert data.labels.tolist() == [[1, 1], [0, 0], [0, 1]]
    data = listed(tmp_path, "path,cat,dog\npictures/x/1.png,1,1\npictures/x/3.png,0,1")
    assert (data.classes, data.labels.tolist()) == (("cat", "dog"), [[1, 1], [0, 1]])


def test_a_csv_may_have_values_or_no_labels(tmp_path: Path) -> None:
    assert listed(tmp_path, "path,age\npictures/x/1.png,3.5\npictures/x/2.png,1").labels.tolist() == [3.5, 1.0]
    data = listed(tmp_path, "path\npictures/x/1.png\npictures/x/2.png")
    assert data.labels.tolist() == [-1, -1]


def test_a_label_in_a_csv_that_is_no_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"got 'dgo'\. Did you mean 'dog'"):
        listed(tmp_path, "path,label\npictures/x/1.png,dgo", classes=PETS)
    with pytest.raises(InvalidValue, match="must be an index of 3 classes; got '7'"):
        listed(tmp_path, "path,label\npictures/x/1.png,7", classes=PETS)


def test_a_csv_stays_inside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="stay inside its folder"):
        listed(tmp_path, "path,label\npictures/../../secret.png,dog")
    outside = tmp_path.parent / "absolute.png"
    outside.write_bytes(png())
    assert listed(tmp_path, f"path,label\n{outside},dog")[0][0].shape == (3, 8, 8)


def test_a_missing_file_of_a_csv_is_one_unreadable_sample(tmp_path: Path) -> None:
    data = listed(tmp_path, "path,label\npictures/none.png,dog\npictures/x/1.png,cat")
    with pytest.raises(UnreadableSample, match=r"pictures/none\.png"):
        data[0]


@pytest.mark.real
def test_published_photographs_are_found_and_cut(shared: Path) -> None:
    entries = json.loads((shared / "data/imagenet_classes.json").read_text(encoding="utf-8"))
    known = ClassNames(tuple(e["name"] for e in entries), tuple(e["wnid"] for e in entries))
    prepared = Preparation(size=(227, 227), resize=256, crop=(227, 227))
    data = open_images(shared / "data/imagenet_500.zip", prepared, classes=known)
    assert len(data) == 500
    assert len(set(data.labels.tolist())) == 500
    assert known.wnids[data.labels[7]] in data.name(7)
    assert data.picture(7).shape == (227, 227, 3)


@pytest.mark.real
def test_published_test_images_are_found_inside(shared: Path) -> None:
    data = open_images(shared / "data/cifar10.zip", Preparation(size=(32, 32)), inside="test", per_class=3)
    assert data.classes[:3] == ("airplane", "automobile", "bird")
    assert np.bincount(data.labels).tolist() == [3] * 10
    assert data[0][0].shape == (3, 32, 32)
