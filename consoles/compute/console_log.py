"""The end of a console log that a hypervisor writes."""

import io
import os
import pathlib

#: Bytes read from the end of a console log's file.
MAX_LOG = 1 << 20


def tail(path: str) -> str:
    """The end of a log file, whole lines but of one that is longer than that. Raises OSError."""
    with pathlib.Path(path).open("rb") as stream:
        before = os.fstat(stream.fileno()).st_size - MAX_LOG - 1
        stream.seek(max(0, before))
        data = stream.read(MAX_LOG + 1)
    if before >= 0:  # the first byte is the end of a line, or there is a beginning to leave out
        data = data.partition(b"\n")[2] or data[1:]
    return data.decode("utf-8", "replace")


def last_lines(text: str, length: int | None) -> str:
    """All for None or a negative number; a lone CR, as in a progress bar, ends no line."""
    if length is None or length < 0:
        return text
    lines = list(io.StringIO(text, newline="\n"))
    return "".join(lines[max(0, len(lines) - length):])
