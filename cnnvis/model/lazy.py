"""Values by name that are made when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Lazy(Mapping[str, _T], Generic[_T]):
    """Values by name, each made when it is first looked at: a picture shows a dozen layers of a hundred."""

    def __init__(self, make: Mapping[str, Callable[[], _T]]) -> None:
        self._make = dict(make)
        self._made: dict[str, _T] = {}

    def __getitem__(self, name: str) -> _T:
        if name not in self._made:
            self._made[name] = self._make[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._make

    def __iter__(self) -> Iterator[str]:
        return iter(self._make)

    def __len__(self) -> int:
        return len(self._make)
