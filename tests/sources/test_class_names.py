from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile
from cnnvis.sources.class_names import ClassNames, read_class_names, read_classes


def written(tmp_path: Path, content: Any, name: str = "classes.json") -> ClassNames:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_class_names(name, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        ["tench", "crane", "crane"],
        [{"wnid": "n1", "name": "tench"}, {"wnid": "n2", "name": "crane"}, {"wnid": "n3", "name": "crane"}],
        {"0": ["n1", "tench"], "2": ["n3", "crane"], "1": ["n2", "crane"]},
        {"1": "crane", "0": "tench", "2": "crane"},
        {"id2label": {"0": "tench", "1": "crane", "2": "crane"}},
    ],
)
def test_names_are_read_from_every_usual_json_in_the_networks_order(tmp_path: Path, content: Any) -> None:
    assert written(tmp_path, content).names == ("tench", "crane", "crane")


def test_a_mapping_from_name_to_index_is_read(tmp_path: Path) -> None:
    assert written(tmp_path, {"dog": 1, "cat": 0}).names == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "names", "wnids"),
    [
        ("cat\n dog \n", ("cat", "dog"), ()),
        ("0 cat\n1 dog\n", ("cat", "dog"), ()),
        ("0: cat\n1: dog\n", ("cat", "dog"), ()),
        ("n01440764 tench, Tinca tinca\nn01443537 goldfish", ("tench, Tinca tinca", "goldfish"), ("n01440764",)),
        ("n01440764\nn01443537", ("n01440764", "n01443537"), ("n01440764",)),
        ("3\n7\n", ("3", "7"), ()),
    ],
)
def test_names_are_read_line_by_line(tmp_path: Path, text: str, names: tuple[str, ...], wnids: tuple[str, ...]) -> None:
    found = written(tmp_path, text, "classes.txt")
    assert found.names == names
    assert found.wnids[:1] == wnids


def test_a_list_is_taken_as_it_is() -> None:
    assert read_classes(["b", "a"]) == ("b", "a")
    assert read_classes(None) == ()


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ("[1, 2]", InvalidValue, "got '1'"),
        ("[]", InvalidValue, "at least one"),
        ("3", InvalidValue, "must be names"),
        ('{"0": "a", "2": "b"}', InvalidValue, "every index from 0 to 1 once"),
        ('["a", ', UnreadableFile, "must be json"),
    ],
)
def test_what_are_no_classes_is_refused(tmp_path: Path, content: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        written(tmp_path, content)


def test_a_missing_file_of_classes_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "names.txt").touch()
    with pytest.raises(UnreadableFile, match=r"Did you mean 'names\.txt'"):
        read_classes("name.txt", tmp_path)


def test_a_class_is_found_in_every_usual_spelling() -> None:
    known = ClassNames(("tench, Tinca tinca", "great white shark", "Dog", "dog house"), ("n1", "n2", "n3", "n4"))
    spellings = ("n2", "Tench", "great_white-shark", "DOG", "dog_house", "003.Dog", "tench, tinca tinca", "nothing")
    assert [known.index(name) for name in spellings] == [1, 0, 1, 2, 3, 2, 0, None]


def test_classes_that_differ_in_capitals_only_are_not_guessed() -> None:
    with pytest.raises(UnknownName, match="classes 0 and 1"):
        ClassNames(("polish", "Polish")).must_find("POLISH", "Each folder")
