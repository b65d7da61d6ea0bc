"""What a user asks for in the search box, and what is found: neurons, layers, clusters, classes and images.

    selective:dog            neurons that answer a class more than the others, the most selective first
    response:dog             neurons with the highest mean response to a class
    contribution:dog         neurons that add most to a class, where contributions were measured
    top 20 contribution:dog  so many of them (20 where no number is given)
    dead  duplicate  locked  neurons that never fire, that do as another one does, whose cluster is locked
    wrong  class:dog         images that are predicted wrong, images of a class
    note:eyes                what carries a note with this text
    layer3.1.conv2:17  conv2 a neuron, a layer, a class or a named cluster, by its name

Several words must all be met. Words with spaces are put in quotes: selective:"great white shark".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean

Ranking = Literal["selective", "response", "contribution"]
Filter = Literal["dead", "duplicate", "locked"]

RANKINGS: tuple[Ranking, ...] = get_args(Ranking)
FILTERS: tuple[Filter, ...] = get_args(Filter)
MOST = 20
"""So many neurons are ranked where no number is given."""

_TOKEN = re.compile(r'(?:[^\s"“”]|["“”][^"“”]*["“”]?)+')
_QUOTES = str.maketrans("", "", '"“”')


@dataclass(frozen=True, slots=True)
class Rank:
    """Neurons in the order of what they are to a class, the first `most` of them."""

    by: Ranking
    target: int
    most: int = MOST


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; all of it must be met. `words` occur in names, `note` in a note; `target` is images' class.

    `wrong` and `target` ask for images, `filters` and `ranks` for neurons.
    """

    words: tuple[str, ...] = ()
    filters: frozenset[Filter] = frozenset()
    ranks: tuple[Rank, ...] = ()
    note: str = ""
    wrong: bool = False
    target: int | None = None

    def __post_init__(self) -> None:
        if self.of_images and (self.of_neurons or self.note):
            raise InvalidValue("“wrong” and “class:” ask for images, the other words for neurons: ask one at a time.")

    @property
    def of_images(self) -> bool:
        return self.wrong or self.target is not None

    @property
    def of_neurons(self) -> bool:
        return bool(self.filters or self.ranks)

    @property
    def empty(self) -> bool:
        return not (self.words or self.of_images or self.of_neurons or self.note)


def parse(text: str, classes: Sequence[str]) -> Query:
    """The query that a text means. Raises UnknownName for a class, InvalidValue for what makes no sense."""
    words: list[str] = []
    filters: set[Filter] = set()
    ranks: list[Rank] = []
    note, wrong, target = "", False, None
    tokens = tokens_of(text)
    most: int | None = None
    while tokens:
        token = tokens.pop(0)
        head, colon, rest = token.partition(":")
        name = head.lower()
        if name == "top" and not colon and _promises(tokens):
            most = _number(tokens.pop(0)) if tokens[0].isdigit() else MOST
        elif name in RANKINGS and colon:
            ranks.append(Rank(_ranking(name), _class(rest, classes, name), MOST if most is None else most))
            most = None
        elif name == "class" and colon:
            target = _class(rest, classes, name)
        elif name == "note" and colon:
            note = rest
        elif name == "wrong" and not colon:
            wrong = True
        elif name in FILTERS and not colon:
            filters.add(_filter(name))
        elif colon and rest and not rest.isdigit() and not _is_name(head):
            raise UnknownName(f"No word “{head}:”. {did_you_mean(name, [*RANKINGS, 'class', 'note'])}")
        else:
            words.append(token.lower())
    return Query(tuple(words), frozenset(filters), tuple(ranks), note, wrong, target)


def tokens_of(text: str) -> list[str]:
    """The words of a text; what stands in quotes is one, without them."""
    found = (token.translate(_QUOTES).strip() for token in _TOKEN.findall(text))
    return [token for token in found if token]


def quoted(name: str) -> str:
    """A name as one word of a query."""
    return f'"{name}"' if re.search(r"\s", name) else name


def find_class(wanted: str, classes: Sequence[str]) -> int | None:
    """The class of a name, of a name that begins so or of one that holds it, where there is one alone; else None."""
    low = wanted.strip().lower()
    names = [name.lower() for name in classes]
    if low in names:
        return names.index(low)
    for fits in (str.startswith, str.__contains__):
        found = [i for i, name in enumerate(names) if fits(name, low)]
        if len(found) == 1 and low:
            return found[0]
    return int(low) if low.isdigit() and int(low) < len(classes) else None


def _class(wanted: str, classes: Sequence[str], word: str) -> int:
    if not wanted.strip():
        such = quoted(classes[0]) if classes else "0"
        raise InvalidValue(f"“{word}:” needs the name of a class, such as {word}:{such}.")
    found = find_class(wanted, classes)
    if found is None:
        raise UnknownName(f"No class {wanted!r}. {did_you_mean(wanted, classes)}".rstrip())
    return found


def _promises(tokens: Sequence[str]) -> bool:
    """Whether a ranking follows, so that “top” is the word of a query and not of a name."""
    rest = tokens[1:] if tokens and tokens[0].isdigit() else tokens
    return bool(rest) and rest[0].partition(":")[0].lower() in RANKINGS


def _number(text: str) -> int:
    if int(text) < 1:
        raise InvalidValue(f"“top” needs a number of at least 1; got {text}.")
    return int(text)


def _ranking(name: str) -> Ranking:
    return next(word for word in RANKINGS if word == name)


def _filter(name: str) -> Filter:
    return next(word for word in FILTERS if word == name)


def _is_name(head: str) -> bool:
    """Whether what stands before a colon may be a layer rather than a mistyped word: layers have dots or digits."""
    return bool(re.search(r"[.\d/]", head))


@dataclass(frozen=True, slots=True)
class Hint:
    """What a text may become: the whole text to put in, what is shown of it, and what it does."""

    text: str
    shown: str
    about: str


WORDS: tuple[tuple[str, str], ...] = (
    ("selective:", "neurons that answer a class more than others"),
    ("top 20 response:", "the highest mean responses to a class"),
    ("top 20 contribution:", "what adds most to a class"),
    ("dead", "neurons that never fire"),
    ("duplicate", "neurons that do as another one does"),
    ("locked", "clusters that keep their members"),
    ("wrong", "images that are predicted wrong"),
    ("class:", "images of a class"),
    ("note:", "what carries a note"),
)


def hints(text: str, classes: Sequence[str], most: int = 8) -> tuple[Hint, ...]:
    """What the last word of a text may become: words of the language, then names of classes after a colon."""
    before, last = _last(text)
    head, colon, rest = last.partition(":")
    word = head.lower()
    if colon and word in (*RANKINGS, "class"):
        low = rest.translate(_QUOTES).lower()
        names = [n for n in classes if low in n.lower() and n.lower() != low]
        names.sort(key=lambda n: not n.lower().startswith(low))
        return tuple(Hint(f"{before}{head}:{quoted(n)} ", n, "class") for n in names[:most])
    asked = before.rstrip().lower()
    top = re.search(r"(?:^|\s)top(?:\s+\d+)?$", asked)
    if top:
        fits = [(f"{name}:", about) for name, about in _of_rankings() if name.startswith(word)]
    else:
        fits = [(name, about) for name, about in WORDS if name.startswith(word) or _plain(name).startswith(word)]
    fits = [(name, about) for name, about in fits if name != word]
    return tuple(Hint(before + name + ("" if name.endswith(":") else " "), name, about) for name, about in fits[:most])


def _of_rankings() -> list[tuple[str, str]]:
    return [(_plain(name).rstrip(":"), about) for name, about in WORDS if _plain(name).rstrip(":") in RANKINGS]


def _plain(name: str) -> str:
    return name.rpartition(" ")[2]


def _last(text: str) -> tuple[str, str]:
    """A text before its last word, and that word; a word under way may hold an open quote."""
    found = list(_TOKEN.finditer(text))
    if not found or (text[-1:].isspace() and text.count('"') % 2 == 0):
        return text, ""
    return text[: found[-1].start()], found[-1].group()
