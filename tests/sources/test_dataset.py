from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

import cnnvis
from cnnvis.errors import InvalidValue, ModelFailure, UnknownName, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.sources.dataset import dataset, open_data
from cnnvis.sources.scenes import Scenes

PICTURES = np.random.default_rng(0).integers(0, 255, (6, 8, 10, 3), np.uint8)
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NORMALISED = ((PICTURES / 255 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2)
LABELS = [0, 1, 0, 1, 2, 2]


def agrees(data: Dataset) -> None:
    """The data set holds PICTURES, normalised."""
    assert isinstance(data, Dataset)
    assert len(data) == 6
    for index in range(6):
        np.testing.assert_allclose(np.asarray(data[index][0]), NORMALISED[index], atol=0.02)
        assert np.abs(data.picture(index).astype(int) - PICTURES[index]).max() <= 1
        assert data[index][1] == LABELS[index]


@pytest.mark.parametrize(
    "values",
    [
        PICTURES,
        PICTURES.transpose(0, 3, 1, 2),
        torch.from_numpy(PICTURES.transpose(0, 3, 1, 2).copy()),
        PICTURES / 255,
        PICTURES.astype(np.float32),
        torch.from_numpy(PICTURES.astype(np.int64)),
        list(PICTURES),
        torch.from_numpy(NORMALISED),
    ],
    ids=["bytes", "planes", "tensor", "unit", "floats", "whole numbers", "list", "normalised"],
)
def test_pictures_in_memory_are_told_by_their_shape_and_range(values: Any) -> None:
    agrees(dataset(values, LABELS, mean=MEAN, std=STD))


def test_the_public_verb_is_this_one() -> None:
    agrees(cnnvis.dataset(PICTURES, torch.tensor(LABELS), mean=MEAN, std=STD))


def test_labels_may_be_names_values_or_none() -> None:
    assert dataset(PICTURES, list("aabbcc")).classes == ("a", "b", "c")
    assert dataset(PICTURES, list("aabbcc"), classes=list("cba")).labels.tolist() == [2, 2, 1, 1, 0, 0]  # type: ignore[union-attr]
    assert dataset(PICTURES, np.linspace(0, 1, 6))[5][1] == 1.0
    assert dataset(PICTURES)[0][1] is None


def test_labels_of_other_number_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"one for each of the 6 samples; got the shape \(3,\)"):
        dataset(PICTURES, [0, 1, 2])
    with pytest.raises(InvalidValue, match="below the 2 classes; got 2"):
        dataset(PICTURES, LABELS, classes=["a", "b"])


def test_grey_pictures_have_one_channel() -> None:
    data = dataset(PICTURES[..., 0], mean=0.5, std=0.5)
    assert data[0][0].shape == (1, 8, 10)
    assert data.picture(0).shape == (8, 10, 3)
    assert dataset(PICTURES[..., :1], input=[3, 8, 10])[0][0].shape == (3, 8, 10)


def test_pictures_in_memory_are_resized_and_cropped() -> None:
    assert dataset(PICTURES, resize=6, crop=4)[0][0].shape == (3, 4, 4)
    assert dataset(PICTURES, input=[3, 5, 5]).picture(0).shape == (5, 5, 3)


def test_a_sample_that_is_not_finite_is_unreadable() -> None:
    values = NORMALISED.copy()
    values[2, 0, 0, 0] = np.nan
    data = dataset(values)
    with pytest.raises(UnreadableSample, match="sample 2"):
        data[2]
    assert data.picture(2).shape == (8, 10, 3)


def test_so_many_of_each_class_keep_their_labels() -> None:
    data = dataset(PICTURES, LABELS, per_class=1, seed=3)
    assert [data[i][1] for i in range(3)] == [LABELS[int(data.name(i).removeprefix("sample "))] for i in range(3)]
    assert sorted(data[i][1] for i in range(3)) == [0, 1, 2]


def test_rows_of_numbers_are_a_table() -> None:
    data = dataset(np.arange(12.0).reshape(6, 2), LABELS, mean=0, std=1)
    assert (data.kind, data[3][0].tolist(), data[3][1]) == ("table", [6.0, 7.0], 1)


NO_SAMPLES = [np.zeros(3), np.zeros((2, 3, 4, 5, 6)), np.array(["a"] * 9), np.zeros((0, 4, 4, 3))]


@pytest.mark.parametrize("values", NO_SAMPLES)
def test_arrays_that_are_no_samples_are_refused(values: Any) -> None:
    with pytest.raises(InvalidValue, match="dataset's source must be"):
        dataset(values)


class Pairs(torch.utils.data.Dataset[Any]):
    targets = LABELS
    classes = ("cat", "dog", "fish")

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == 4:
            raise OSError("torn file")
        return torch.from_numpy(NORMALISED[index]), LABELS[index]


def test_tensors_of_a_torch_data_set_go_in_as_they_are() -> None:
    agrees(dataset(TensorDataset(torch.from_numpy(NORMALISED), torch.tensor(LABELS)), mean=MEAN, std=STD))


def test_what_a_torch_data_set_knows_is_used() -> None:
    data = dataset(Pairs(), mean=MEAN, std=STD)
    assert data.classes == ("cat", "dog", "fish")
    assert data.labels is not None
    assert data.labels.tolist() == LABELS
    assert dataset(Subset(Pairs(), [1, 5])).labels.tolist() == [1, 2]  # type: ignore[union-attr]
    assert len(dataset(Pairs(), per_class=1)) == 3


def test_a_torch_data_set_that_raises_has_an_unreadable_sample() -> None:
    data = dataset(Pairs(), mean=MEAN, std=STD)
    with pytest.raises(UnreadableSample, match="sample 4 raised OSError: torn file"):
        data[4]
    assert data[5][1] == 2


def test_a_wrapped_data_set_can_be_pickled() -> None:
    again = pickle.loads(pickle.dumps(dataset(TensorDataset(torch.from_numpy(NORMALISED), torch.tensor(LABELS)))))
    assert again[3][1] == 1


def test_images_of_pillow_in_a_data_set_are_prepared() -> None:
    agrees(dataset([(Image.fromarray(p), k) for p, k in zip(PICTURES, LABELS)], mean=MEAN, std=STD))
    agrees(dataset([{"image": Image.fromarray(p), "label": k} for p, k in zip(PICTURES, LABELS)], mean=MEAN, std=STD))


def test_a_data_set_of_several_inputs_keeps_them_apart() -> None:
    data = dataset([((NORMALISED[i], np.float32([i])), LABELS[i]) for i in range(6)], mean=MEAN, std=STD)
    assert isinstance(data[2][0], tuple)
    assert [part.shape for part in data[2][0]] == [(3, 8, 10), (1,)]
    assert data.picture(2).shape == (8, 10, 3)


def test_rows_of_a_data_set_are_a_table() -> None:
    assert dataset(TensorDataset(torch.zeros(4, 7), torch.zeros(4, dtype=torch.long))).kind == "table"


class Once(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])

    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize("source", [iter([1]), (x for x in [1]), Once(), {"a": 1}, 5], ids=lambda s: type(s).__name__)
def test_what_can_be_read_only_once_is_refused(source: Any) -> None:
    with pytest.raises(InvalidValue, match=r"read again, in any order; got a \w+"):
        dataset(source)


def test_a_loader_is_told_to_give_its_data_set() -> None:
    with pytest.raises(InvalidValue, match=r"got a DataLoader, which has not\. Give its \.dataset\."):
        dataset(DataLoader(Pairs()))


def test_a_data_set_of_ours_is_left_as_it_is() -> None:
    scenes = Scenes(10)
    assert dataset(scenes) is scenes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for index, picture in enumerate(PICTURES):
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "PNG")
            archive.writestr(f"test/{'cat dog fish'.split()[LABELS[index]]}/{index}.png", buffer.getvalue())
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def samples(): return [(np.zeros((3, 4, 4), np.float32), 1)] * 5\n"
        "def halved(image): return np.asarray(image.resize((4, 4)), np.float32).transpose(2, 0, 1)\n"
        "def broken(): raise OSError('no disk')\n",
        encoding="utf-8",
    )
    (tmp_path / "classes.txt").write_text("fish\ndog\ncat\n", encoding="utf-8")
    return tmp_path


def opened(home: Path, source: str = "data.zip", shape: Any = (), classes: Any = None, **data: Any) -> Dataset:
    network = NetworkSource("zoo.py:net", classes=classes, input=shape)
    return open_data(Job(network, DataSource(source, **data), AnalysisPlan(seed=1), home))


def test_a_job_opens_its_images(home: Path) -> None:
    data = opened(home, shape=[3, 8, 10], classes="classes.txt", inside="test", mean=MEAN, std=STD)
    assert data.classes == ("fish", "dog", "cat")
    assert data.labels is not None
    assert data.labels.tolist() == [2, 2, 1, 1, 0, 0]
    np.testing.assert_allclose(data[0][0], NORMALISED[0], atol=1e-5)


def test_without_an_input_the_first_image_gives_the_size(home: Path) -> None:
    assert opened(home)[5][0].shape == (3, 8, 10)
    assert opened(home, crop=6)[5][0].shape == (3, 6, 6)
    assert opened(home, channels="grey")[5][0].shape == (1, 8, 10)


def test_with_a_resize_the_input_is_cut_from_the_centre(home: Path) -> None:
    assert opened(home, shape=[3, 4, 4], resize=6).picture(0).shape == (4, 4, 3)


def test_an_input_of_one_channel_is_grey(home: Path) -> None:
    assert opened(home, shape=[1, 8, 8], mean=[0.5], std=[0.5])[0][0].shape == (1, 8, 8)


@pytest.mark.parametrize(
    ("shape", "data", "said"),
    [
        ([3, 8, 8], {"crop": 6}, "crop must be the network's input, 8×8; got 6×6"),
        ([10], {}, r"input must be \[channels, height, width\] for images; got \[10\]"),
        ([4, 8, 8], {}, "1 or 3 channels for images; got 4"),
        ([1, 8, 8], {"mean": MEAN, "std": STD}, "mean must have one number for each of 1 channels; got 3"),
    ],
)
def test_keys_that_contradict_each_other_are_named(home: Path, shape: Any, data: Any, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        opened(home, shape=shape, **data)


def test_a_job_may_name_a_function_that_gives_a_data_set(home: Path) -> None:
    data = opened(home, "mine.py:samples")
    assert (len(data), data[0][1]) == (5, 1)
    with pytest.raises(UnknownName, match="Did you mean 'samples'"):
        opened(home, "mine.py:sample")
    with pytest.raises(ModelFailure, match="no disk"):
        opened(home, "mine.py:broken")


def test_a_transform_that_is_missing_is_said_at_once(home: Path) -> None:
    assert opened(home, transform="mine.py:halved")[0][0].shape == (3, 4, 4)
    with pytest.raises(UnknownName, match=r"data\.transform must name a function of mine\.py"):
        opened(home, transform="mine.py:halve")


def test_a_path_takes_a_transform_that_is_a_function(home: Path) -> None:
    data = dataset(home / "data.zip", transform=lambda image: np.zeros((3, 2, 2)))
    assert data[0][0].shape == (3, 2, 2)


def test_a_path_knows_its_labels(home: Path) -> None:
    with pytest.raises(InvalidValue, match="labels must be left out"):
        dataset(home / "data.zip", [1, 2])


def test_a_job_opens_tables_lists_and_arrays(home: Path) -> None:
    (home / "t.csv").write_text("a,b,y\n1,2,0\n3,4,1\n", encoding="utf-8")
    assert opened(home, "t.csv", kind="table", shape=[2]).features == ("a", "b")
    np.savez(home / "p.npz", x=PICTURES, y=LABELS)
    agrees(opened(home, "p.npz", mean=MEAN, std=STD))
    (home / "p.png").write_bytes(zipfile.ZipFile(home / "data.zip").read("test/cat/0.png"))
    (home / "list.csv").write_text("path,label\np.png,dog\n", encoding="utf-8")
    assert opened(home, "list.csv", classes="classes.txt")[0][1] == 1


def test_a_job_of_the_demo_draws_scenes(home: Path) -> None:
    assert isinstance(opened(home, "demo:shortcut"), Scenes)
    assert (len(opened(home, "demo:healthy")), len(opened(home, "demo:healthy", per_class=3))) == (500, 30)
    with pytest.raises(UnknownName):
        opened(home, "demo:none")
