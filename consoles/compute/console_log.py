"""The end of a console log that a hypervisor writes."""

import os
import pathlib

#: Bytes read from the end of a console log's file.
MAX_LOG = 1 << 20


def tail(path: str) -> str:
    """The end of a log file, whole lines. Raises OSError."""
    with pathlib.Path(path).open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - MAX_LOG))
        data = stream.read(MAX_LOG)
    if len(data) == MAX_LOG:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", "replace")


def last_lines(text: str, length: int | None) -> str:
    """All for None or a negative number."""
    lines = text.splitlines(keepends=True)
    if length is not None and length >= 0:
        lines = lines[max(0, len(lines) - length):]
    return "".join(lines)
