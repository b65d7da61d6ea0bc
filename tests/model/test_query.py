"""The words of the search box."""

from __future__ import annotations

import pytest

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.query import Query, Rank, find_class, hints, parse, tokens_of

CLASSES = ("cat", "dog", "great white shark", "dogfish", "frog")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("layer2.1", Query(words=("layer2.1",))),
        ("layer3.1.conv2:17", Query(words=("layer3.1.conv2:17",))),
        ("Conv cat", Query(words=("conv", "cat"))),
        ("selective:dog", Query(ranks=(Rank("selective", 1),))),
        ("selective:DOG layer3", Query(words=("layer3",), ranks=(Rank("selective", 1),))),
        ('top 5 contribution:"great white shark"', Query(ranks=(Rank("contribution", 2, 5),))),
        ("top response:frog", Query(ranks=(Rank("response", 4, 20),))),
        ("dead locked", Query(filters=frozenset({"dead", "locked"}))),
        ("duplicate", Query(filters=frozenset({"duplicate"}))),
        ("wrong class:cat", Query(wrong=True, target=0)),
        ("note:eyes", Query(note="eyes")),
        ('note:"two eyes"', Query(note="two eyes")),
        ("top", Query(words=("top",))),
        ("top 20", Query(words=("top", "20"))),
        ("selective:great", Query(ranks=(Rank("selective", 2),))),
    ],
)
def test_a_text_means_a_query(text: str, query: Query) -> None:
    assert parse(text, CLASSES) == query


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("selective:dgo", UnknownName, "No class 'dgo'. Did you mean 'dog'?"),
        ("selective:", InvalidValue, "“selective:” needs the name of a class, such as selective:cat."),
        ("selectiv:dog", UnknownName, "No word “selectiv:”. Did you mean 'selective'?"),
        ("top 0 response:cat", InvalidValue, "“top” needs a number of at least 1; got 0."),
        ("wrong dead", InvalidValue, "“wrong” and “class:” ask for images"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        parse(text, CLASSES)
    assert str(caught.value).startswith(said)


def test_classes_are_found_by_name_by_beginning_and_by_part_where_it_is_plain_which() -> None:
    assert find_class("Dog", CLASSES) == 1
    assert find_class("gre", CLASSES) == 2
    assert find_class("shark", CLASSES) == 2
    assert find_class("do", CLASSES) is None
    assert find_class("3", CLASSES) == 3
    assert find_class("", CLASSES) is None


def test_quotes_hold_words_together() -> None:
    assert tokens_of('a "b c" class:"d e') == ["a", "b c", "class:d e"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sel", "selective:"),
        ("de", "dead "),
        ("layer3 wr", "layer3 wrong "),
        ("top 7 con", "top 7 contribution:"),
        ("resp", "top 20 response:"),
        ("selective:gr", 'selective:"great white shark" '),
        ("dead selective:do", "dead selective:dog "),
    ],
)
def test_words_and_classes_are_completed(text: str, first: str) -> None:
    assert hints(text, CLASSES)[0].text == first


def test_an_empty_field_tells_what_can_be_asked() -> None:
    shown = {hint.shown for hint in hints("", CLASSES, most=20)}
    assert shown >= {"selective:", "dead", "wrong", "top 20 contribution:"}


def test_names_that_begin_so_come_before_those_that_hold_it() -> None:
    assert [hint.shown for hint in hints("class:o", ("frog", "owl", "cow"))] == ["owl", "frog", "cow"]


def test_what_is_complete_is_not_offered_again() -> None:
    assert hints("dead", CLASSES) == ()
    assert [hint.shown for hint in hints("selective:dog", CLASSES)] == ["dogfish"]
