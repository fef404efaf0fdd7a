"""What consoles-manage prints: tables for people, JSON for scripts."""

import datetime
import json
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> int:
    """→ 0, the exit status."""
    print(json.dumps(value, indent=2, sort_keys=True))
    return 0


def print_table(columns: Sequence[str], rows: list[dict[str, Any]]) -> int:
    """Columns as wide as their widest cell; → 0, the exit status."""
    cells = [[column.upper() for column in columns],
             *([str("" if row[column] is None else row[column]) for column in columns]
               for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
              .rstrip())
    return 0


def age(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.0f} s"


def moment(milliseconds: int) -> str:
    """In UTC, as everything on the servers."""
    when = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S")
