"""Writes docs/faithfulness.md, how far explanations are true: `python scripts/faithfulness [PART …] [--jobs JOB …]`.

Each part measures one subject and writes one section of the page; the sections of other parts stay as they are. All
is drawn by fixed seeds, so that a second run differs in its times alone.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from page import written  # noqa: E402  (found only on the path set above)

PARTS = ("pictures", "drawn", "tables")
WITH_JOBS = ("drawn",)  # which measure the networks of jobs as well
PAGE = ROOT / "docs" / "faithfulness.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--jobs", type=Path, nargs="*", default=[], help="more networks for the drawn images")
    options = parser.parse_args()
    names = options.parts or PARTS
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
    for name in names:
        section = importlib.import_module(name).section(*([options.jobs] if name in WITH_JOBS else []))
        before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
        PAGE.write_text(written(before, name, section, PARTS), encoding="utf-8")
        print(f"{section}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
