"""What a process is doing right now, told when it is asked: a guru meditation report.

Its threads with their stacks, its options with secrets masked, its release, its children; made by
oslo.reports. SIGUSR2 asks for it, or a file that is touched ([oslo_reports] file_event_handler).
A thread of its own makes it, so that it comes while others hang.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

from oslo_config import cfg
from oslo_reports import opts
from pbr import version

LOG = logging.getLogger(__name__)


def register_opts(conf: cfg.ConfigOpts) -> None:
    opts.set_defaults(conf)


def answer(conf: cfg.ConfigOpts) -> None:
    """Write a report whenever one is asked for, in this process and in those that it forks.

    Call it in the main thread.
    """
    group = conf.oslo_reports
    if not group.file_event_handler:
        signal.signal(signal.SIGUSR2, lambda *_: _start(lambda: _tell(conf)))
        return
    changes = Changes(Path(group.file_event_handler), group.file_event_handler_interval)

    def watch() -> None:
        while True:
            changes.wait()
            _tell(conf)

    _start(watch)
    os.register_at_fork(after_in_child=lambda: _start(watch))


def _start(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


class Changes:
    """`wait` returns when the file has been written or touched since; it need not exist."""

    def __init__(self, path: Path, interval: float) -> None:
        self._path, self._interval = path, interval
        self._known = self._changed()

    def wait(self) -> None:
        while (now := self._changed()) <= self._known:
            time.sleep(self._interval)
        self._known = now

    def _changed(self) -> int:
        """Nanoseconds since 1970; 0 without a file."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


def _tell(conf: cfg.ConfigOpts) -> None:
    try:
        _write(conf, _make())
    except Exception:  # whatever it is, the service goes on
        LOG.exception("No report could be made")


def _make() -> str:
    """The text of a report of this process and its `cfg.CONF`."""
    # Not before it is needed: it takes some megabytes.
    from oslo_reports import guru_meditation_report as guru
    release = SimpleNamespace(
        product_string=lambda: "consoles",
        version_string_with_package=version.VersionInfo("consoles").version_string)
    return str(guru.TextGuruMeditation(release).run())


def _write(conf: cfg.ConfigOpts, text: str) -> None:
    """To standard error, where init systems keep it, or into a new file of `log_dir`."""
    if not conf.oslo_reports.log_dir:
        print(text, file=sys.stderr, flush=True)
        return
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S%f")
    path = Path(conf.oslo_reports.log_dir,
                f"{conf.prog}_gurumeditation_{stamp}_{os.getpid()}")
    path.touch(mode=0o640, exist_ok=False)
    path.write_text(text)
    LOG.info("A report of this process is in %s", path)
