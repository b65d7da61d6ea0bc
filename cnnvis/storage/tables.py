"""Tables of a session as csv files."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.model.session import Session
from cnnvis.model.tables import Table, table
from cnnvis.storage.placing import placed


def write_table(session: Session, path: str | os.PathLike[str], name: str) -> Path:
    """The path of a csv file with one table of a session (see `cnnvis.model.tables.table`).

    UTF-8 with a header; cells without a value are empty; numbers have all their digits. Raises UnknownName,
    InvalidValue where what it tells is not known, UnreadableFile where the file cannot be written.
    """
    return save_table(table(session, name), path)


def save_table(found: Table, path: str | os.PathLike[str]) -> Path:
    """The path of a csv file with a table."""
    target = Path(path)
    if target.suffix.lower() != ".csv":
        raise InvalidValue(f"A table's file must end in .csv; got {target.name!r}.")
    try:
        with placed(target) as file:
            writer = csv.writer(file)
            writer.writerow(found.columns)
            writer.writerows([["" if cell is None or cell != cell else cell for cell in row] for row in found.rows])
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableFile(f"A table must be written to a folder that allows it; got {target}: {why}.") from error
    return target
