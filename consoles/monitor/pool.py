"""Metrics of several processes as one page.

Each worker writes its values into files of its own in a private directory, and any of them makes
the page of all. A worker that ended leaves its counts behind, but no gauges; its counts are added
to one file of the past, so that the directory does not grow with every restart.

How files are named and read is prometheus-client's "multiprocess mode". That wants its directory
before any metric exists, by an environment variable: `join` sets it in the worker itself.
"""

import collections
import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import prometheus_client
from prometheus_client import multiprocess
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

PREFIX = "consoles-metrics-"
ALIVE = ".alive"
PAST = "past"
#: Kinds of values that outlive the worker that counted them.
LASTING = ("counter", "histogram")

Made = TypeVar("Made")


class Pool:
    """Made before the fork, joined after it, removed by who made it."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Held by this process and all that it forks. For others it is in use: for `_sweep`, and
        # for systemd-tmpfiles, which leaves alone what is below a locked directory.
        self._held = [_locked(self.path)]

    def join(self, make: Callable[[], Made]) -> Made:
        """→ what `make` answers; the metrics that it makes are this process's part of the page."""
        ident = uuid.uuid4().hex  # not the process id, which another may have later
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.path)
        values.ValueClass = values.MultiProcessValue(lambda: ident)
        with self._alone():
            alive = self.path / (ident + ALIVE)
            alive.touch()
            self._held.append(_locked(alive))
            return make()

    def page(self) -> bytes:
        """The metrics of all workers in Prometheus' text format."""
        registry = prometheus_client.CollectorRegistry()
        with self._alone():
            self._bury()
            multiprocess.MultiProcessCollector(registry, str(self.path))
            return prometheus_client.generate_latest(registry)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One worker at a time looks at the files of the others."""
        with (self.path / "turn").open("wb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _bury(self) -> None:
        """Take in the counts of workers that are no more."""
        dead = [path for path in self.path.glob("*" + ALIVE) if not _is_held(path)]
        for kind in LASTING if dead else ():
            names = [PAST, *(path.stem for path in dead)]
            files = [path for name in names if (path := self.path / f"{kind}_{name}.db").exists()]
            if files:
                _add_up(files, self.path / f"{kind}_{PAST}.db")
        for alive in dead:
            for path in self.path.glob(f"*_{alive.stem}.db"):
                path.unlink()
            alive.unlink()


def _add_up(files: list[Path], into: Path) -> None:
    sums: collections.Counter[str] = collections.Counter()
    for path in files:
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):
            sums[key] += value
    fresh = into.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    written = MmapedDict(str(fresh))
    for key, total in sums.items():
        written.write_value(key, total, 0.0)
    written.close()
    fresh.rename(into)


def _locked(path: Path) -> int:
    """→ a descriptor; the kernel lets go of the lock with the last process that has it open."""
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # not there any more
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _sweep() -> None:
    """Remove what a process that was killed has left behind."""
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.getuid() and not _is_held(path):
                shutil.rmtree(path, ignore_errors=True)
