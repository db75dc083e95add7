"""`make bench`: measure every row and its peer, and print the table. `python -m benchmarks help recorder` runs some.

Each file has a function `measure() -> list[Row]`; a new row is one new file, named in ROWS.
"""

from __future__ import annotations

import importlib
import platform
import sys
import traceback
from datetime import UTC, datetime

from benchmarks.row import Row, table

ROWS = ("help", "recorder", "killed", "schedule", "deadline", "frozen", "etcd", "outage", "cost", "day")


def main(names: list[str]) -> int:
    """Measure the named rows, or all. Print the table to standard output, progress to standard error."""
    unknown = sorted(set(names) - set(ROWS))
    if unknown:
        print(f"No such row: {', '.join(unknown)}; the rows are {', '.join(ROWS)}.", file=sys.stderr)
        return 64
    rows: list[Row] = []
    for name in names or ROWS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"benchmarks.{name}").measure()
        except Exception as error:  # noqa: BLE001 (one that fails stops no other)
            traceback.print_exc()
            rows.append(Row(what=name, bar="", note=f"could not be measured: {error}"))
    print(f"Measured {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on {platform.machine()}.\n")
    print(table(rows))
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
