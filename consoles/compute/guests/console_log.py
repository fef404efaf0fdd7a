"""The console log of a built-in guest: what it said at boot, and what was typed at its line."""

import threading
from collections import deque

#: Lines kept, and characters of a line.
MAX_LINES = 2000
MAX_LINE = 1024

_BOOT = """\
[    0.000000] Booting {name} ({instance_id})
[    0.000000] Machine: built-in guest, one screen, one serial line, no disk
[    0.004112] Clock: runs, in UTC
[    0.010803] Keyboard: found; what is typed is shown
[    0.011376] Pointer: found; a cross shows where it is
[    0.024518] Screen: 640x480, true colour
[    0.031907] Serial line: ttyS0, one line at a time
[    0.040266] Everything is up; type help at the serial line
"""


def boot_text(name: str, instance_id: str) -> str:
    return _BOOT.format(name=name, instance_id=instance_id)


class ConsoleLog:
    """Written by the guests' loop, read by any thread."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add whole lines."""
        with self._lock:
            self._lines.extend(line[:MAX_LINE] for line in text.splitlines())

    def text(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)
