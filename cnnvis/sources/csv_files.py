"""Reading a csv: any usual delimiter, with or without a header."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile, did_you_mean

csv.field_size_limit(1 << 24)


@dataclass(frozen=True)
class Sheet:
    """The cells of a csv: `rows` are as wide as `header`; `first` is the line of the first row in the file."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first: int

    def column(self, name: str) -> list[str]:
        """The cells of one column. Raises `UnknownName`."""
        if name not in self.header:
            hint = did_you_mean(name, self.header)
            raise UnknownName(f"data.label must be a column of {self.name}; got {name!r}. {hint}".rstrip())
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_sheet(path: Path, *, paths: bool = False) -> Sheet:
    """The cells of a csv file with commas, semicolons or tabs. `paths`: the first column names files.

    Short rows are filled with empty cells; longer ones are cut. Raises `UnreadableFile`, and `InvalidValue` where
    it has no rows.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path.name} must be a csv in utf-8; it is something else. Save it as utf-8.") from None
    except OSError as error:
        raise UnreadableFile(f"{path} must be a readable csv; {error.strerror or error}. Check the path.") from error
    lines = content.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    try:
        cells = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise UnreadableFile(f"{path.name} must be a csv; {error}.") from error
    skipped = next((place for place, row in enumerate(cells) if any(row)), 0)
    cells = [row for row in cells if any(row)]
    titled = bool(cells) and _is_header(cells, paths)
    rows = cells[titled:]
    if not rows:
        raise InvalidValue(f"{path.name} must have at least one row; it has none. Check data.source.")
    wide = len(cells[0])
    if titled:
        header = tuple(cell or f"column {place + 1}" for place, cell in enumerate(cells[0]))
    else:
        header = tuple(f"x{place}" for place in range(wide))
    return Sheet(path.name, header, tuple(tuple((row + [""] * wide)[:wide]) for row in rows), skipped + titled + 1)


def _is_header(cells: list[list[str]], paths: bool) -> bool:
    if paths:
        return Path(cells[0][0]).suffix == ""
    return not any(is_number(cell) for cell in cells[0])


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
