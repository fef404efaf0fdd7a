"""Where recordings go: FILE.1, FILE.2 and so on, none of them ever written over."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

from consoles import exception

OFF = frozenset({"", "0", "false", "no", "off"})
ON = frozenset({"1", "true", "yes", "on"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """`path` is FILE. `max_size`: bytes of one recording, 0 for any.

    `with_input`: of text, too. `required`: sessions that cannot be recorded are not opened, or end.
    """

    path: Path
    max_size: int
    with_input: bool
    required: bool


def plan(record: str, *, max_size: int, with_input: bool, required: bool) -> Plan | None:
    """None when nothing is recorded. Raises ConfigError when it could not be."""
    if record.strip().lower() in OFF:
        return None
    if record.strip().lower() in ON:
        raise exception.ConfigError(
            "record = true does not say where: give the path that the names of the recordings "
            "begin with, for example: record = /var/lib/consoles/recordings/session")
    path = Path(record)
    if not path.is_absolute():
        raise exception.ConfigError(f"record = {record}: give the whole path, from / on")
    if os.path.isdir(path):  # Path.is_dir raises where it may not look
        raise exception.ConfigError(
            f"record = {record} is a directory: add what the names of the recordings in it begin "
            f"with, for example: record = {path / 'session'}")
    if not os.path.isdir(path.parent) or not os.access(
            path.parent, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise exception.ConfigError(
            f"record = {record}: {path.parent} must be a directory that this service's user can "
            f"list and write")
    return Plan(path=path, max_size=max_size, with_input=with_input, required=required)


class Names:
    """The next free FILE.N. Other processes may take numbers at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0

    def create(self) -> tuple[int, Path]:
        """→ the descriptor of a new file that is its owner's only, and its name. Raises OSError."""
        if not self._next:
            self._next = _highest(self._path) + 1
        while True:
            path = self._path.with_name(f"{self._path.name}.{self._next}")
            self._next += 1
            try:
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                               0o600), path
            except FileExistsError:
                continue
            except OSError:
                self._next -= 1
                raise


class File:
    """One recording on its disk, in the thread that writes. Made with its first bytes.

    `tell` is called with None when it is there, with the error when nothing more can be written.
    """

    def __init__(self, names: Names, tell: Callable[[OSError | None], None]) -> None:
        self.path: Path | None = None
        self._names = names
        self._tell = tell
        self._descriptor = -1
        self._size = 0
        self._failed = False

    def write(self, data: bytes) -> None:
        """All of it or, where that fails, none: half an entry would spoil what is there."""
        if self._failed:
            return
        try:
            if self.path is None:
                self._descriptor, self.path = self._names.create()
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left):]
        except OSError as exc:
            self._give_up(exc)
            return
        if not self._size:
            self._tell(None)
        self._size += len(data)

    def _give_up(self, exc: OSError) -> None:
        self._failed = True
        if self.path is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
                if not self._size:
                    self.path.unlink()
        self.close()
        self._tell(exc)

    def close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


def _highest(path: Path) -> int:
    number = re.compile(re.escape(path.name) + r"\.([1-9]\d{0,17})")
    with os.scandir(path.parent) as entries:
        return max((int(found[1]) for entry in entries
                    if (found := number.fullmatch(entry.name))), default=0)
