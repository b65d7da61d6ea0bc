from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.tables import TableData, open_table

IRIS = "length,width,note,kind\n5.1,3.5,ok,setosa\n7.0,3.2,fine,versicolor\n6.3,,x,virginica\n4.9,3.0,y,setosa\n"


def read(tmp_path: Path, text: str, **options: Any) -> TableData:
    (tmp_path / "iris.csv").write_text(text, encoding="utf-8")
    return open_table(tmp_path / "iris.csv", **options)


def test_columns_of_numbers_are_features_and_the_last_column_is_the_label(tmp_path: Path) -> None:
    data = read(tmp_path, IRIS)
    assert data.features == ("length", "width")
    assert data.classes == ("setosa", "versicolor", "virginica")
    assert data.labels.tolist() == [0, 1, 2, 0]
    assert isinstance(data, Dataset)
    assert (data.kind, data.name(1), data.picture(1).tolist()) == ("table", "row 2", [7.0, 3.2])


def test_the_label_is_found_by_name(tmp_path: Path) -> None:
    data = read(tmp_path, "y,a,b\n1,2.5,3\n0,1,2\n", label="y")
    assert (data.features, data.labels.tolist()) == (("a", "b"), [1, 0])


def test_an_unknown_label_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'knd'\. Did you mean 'kind'"):
        read(tmp_path, IRIS, label="knd")


def test_labels_are_in_the_networks_order(tmp_path: Path) -> None:
    known = ClassNames(("virginica", "versicolor", "setosa"))
    assert read(tmp_path, IRIS, classes=known).labels.tolist() == [2, 1, 0, 2]


def test_a_table_without_label_has_none(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b\n1,2\n3,4\n", label="")
    assert (data.features, data.labels.tolist(), data[0][1]) == (("a", "b"), [-1, -1], None)


def test_the_networks_input_tells_that_no_column_is_a_label(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n3,4\n", n_inputs=2).features == ("a", "b")


def test_values_that_are_no_whole_numbers_are_a_regression(tmp_path: Path) -> None:
    data = read(tmp_path, "a,price\n1,2.5\n3,4\n")
    assert data.labels.tolist() == [2.5, 4.0]
    assert data[0][1] == 2.5


def test_many_whole_numbers_are_values_unless_classes_are_known(tmp_path: Path) -> None:
    text = "a,age\n" + "".join(f"{i},{i}\n" for i in range(40))
    assert read(tmp_path, text).labels.dtype.kind == "f"
    assert read(tmp_path, text, classes=ClassNames(tuple(map(str, range(40))))).labels.tolist() == list(range(40))
    assert read(tmp_path, text, task="classification").labels.dtype.kind == "i"


def test_a_row_that_lacks_a_value_is_skipped_counted_and_named(tmp_path: Path) -> None:
    data = read(tmp_path, IRIS)
    assert "1 of 4 rows lack a value and are skipped." in data.notes
    with pytest.raises(UnreadableSample, match="row 3 has no number for 'width'"):
        data[2]


def test_columns_without_numbers_are_left_out_and_named(tmp_path: Path) -> None:
    assert "1 columns hold no numbers and were left out (note)." in read(tmp_path, IRIS).notes


def test_features_are_standardised_by_the_table_itself_which_a_note_says(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b,y\n1,5,0\n3,5,1\n")
    assert [data[i][0].tolist() for i in (0, 1)] == [[-1.0, 0.0], [1.0, 0.0]]
    assert data[0][0].dtype == np.float32
    assert any("own mean and spread" in note for note in data.notes)


def test_features_are_standardised_as_the_network_was_trained(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b,y\n1,5,0\n3,5,1\n", mean=(1, 1), std=(2, 4))
    assert data[1][0].tolist() == [1.0, 1.0]
    assert read(tmp_path, "a,b,y\n1,5,0\n3,5,1\n", mean=(0,), std=(1,))[1][0].tolist() == [3.0, 5.0]


def test_a_mean_of_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="one number, or one for each of the 2 features; got 3"):
        read(tmp_path, "a,b,y\n1,5,0\n3,5,1\n", mean=(1, 2, 3), std=(1, 2, 3))


def test_a_wrong_number_of_features_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"as many features as the network's input, 5; got 2 \(length, width\)"):
        read(tmp_path, IRIS, n_inputs=5)


def test_the_most_unusual_features_of_a_row_come_first(tmp_path: Path) -> None:
    rows = "".join(f"{i % 2},{i % 3},{100 if i == 9 else i % 2},0\n" for i in range(20))
    data = read(tmp_path, "a,b,c,y\n" + rows)
    (name, value, z), *rest = data.unusual(9, 2)
    assert (name, value) == ("c", 100.0)
    assert z > 4
    assert len(rest) == 1


def test_so_many_rows_of_each_class_keep_their_numbers_and_standardisation(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(20))
    data, whole = read(tmp_path, text, per_class=3, seed=1), read(tmp_path, text)
    assert np.bincount(data.labels).tolist() == [3, 3]
    assert data.mean == whole.mean
    row = int(data.name(2).removeprefix("row ")) - 1
    assert (data[2][0] == whole[row][0]).all()


def test_delimiters_and_headers_are_found(tmp_path: Path) -> None:
    assert read(tmp_path, "1;2;0\n3;4;1\n").features == ("x0", "x1")
    assert read(tmp_path, "\ufeffa\tb\ty\n1\t2\t0\n").features == ("a", "b")
    assert read(tmp_path, '"a, b",y\n1,0\n').features == ("a, b",)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", InvalidValue, "at least one row"),
        ("a,b,y\n", InvalidValue, "at least one row"),
        ("a,b\nx,y\n", InvalidValue, "columns of numbers"),
    ],
)
def test_an_empty_table_is_refused(tmp_path: Path, text: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        read(tmp_path, text)


def test_short_and_long_rows_are_no_fault(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b,y\n1,2,0\n3\n1,2,1,9,9\n\n")
    assert data.labels.tolist() == [0, -1, 1]
    with pytest.raises(UnreadableSample):
        data[1]


def test_an_npz_holds_samples_and_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=np.arange(6.0).reshape(3, 2), y=[0, 1, 0], columns=["a", "b"], classes=["no", "yes"])
    data = open_table(tmp_path / "t.npz")
    assert (data.features, data.classes, data.labels.tolist()) == (("a", "b"), ("no", "yes"), [0, 1, 0])


def test_objects_in_an_npz_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFile, match="must be an npz of plain arrays"):
        open_table(tmp_path / "t.npz")


def test_a_torn_or_missing_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.npz").write_bytes(b"PK\x03\x04torn")
    with pytest.raises(UnreadableFile, match=r"t\.npz"):
        open_table(tmp_path / "t.npz")
    with pytest.raises(UnreadableFile, match="does not"):
        open_table(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"a,y\n\xe4,1\n")
    with pytest.raises(UnreadableFile, match="utf-8"):
        open_table(tmp_path / "latin.csv")


def test_a_table_can_be_pickled(tmp_path: Path) -> None:
    data = read(tmp_path, IRIS)
    assert (pickle.loads(pickle.dumps(data))[0][0] == data[0][0]).all()
