"""Records sessions from a thread of its own, so that no disk ever holds up the loop.

What waits to be written is bounded: a disk that cannot keep up ends recordings like a full one.
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from consoles import exception
from consoles.proxies.recordings import File
from consoles.proxies.recordings import Names
from consoles.proxies.recordings import Plan
from consoles.relay.hooks import EndSession
from consoles.relay.hooks import Way
from consoles.wire.recording import Asciicast
from consoles.wire.recording import Capture
from consoles.wire.recording import Format

LOG = logging.getLogger(__name__)

#: Bytes that may wait for the disk, of all recordings of a worker and of one of them.
MAX_WAITING = 64 * 1024 * 1024
MAX_WAITING_EACH = MAX_WAITING // 4
#: Seconds in which a file must be there where sessions may not go on without.
OPEN_TIMEOUT = 5.0
#: Bytes of a recording that are left for its last entry.
RESERVE = 256
#: Bytes that the thread takes at a time, more or less.
BATCH = 1024 * 1024

FAILED = "recording_failed"


class Recorder:
    """One per worker; belongs to the loop that it is made in, but for what begins with `_`."""

    def __init__(self, plan: Plan, open_timeout: float = OPEN_TIMEOUT) -> None:
        self.plan = plan
        self.open_timeout = open_timeout
        self.loop = asyncio.get_running_loop()
        self.names = Names(plan.path)
        self._taken = 0    # bytes, counted by the loop
        self._written = 0  # of them done with, counted by the thread
        self._queue: queue.SimpleQueue[tuple[Recording, bytes | None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def put(self, recording: "Recording", piece: bytes | None) -> None:
        """Have it written, or with None the file closed."""
        self._taken += len(piece or b"")
        self._queue.put((recording, piece))

    @property
    def waiting(self) -> int:
        return self._taken - self._written

    def close(self, timeout: float) -> None:
        """Block until all is written, for so many seconds at most. In any thread."""
        self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            LOG.error("Recordings lose their ends: %s bytes could not be written in time",
                      self.waiting)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            pieces: dict[Recording, list[bytes | None]] = {}
            size = 0
            item = self._queue.get()
            with contextlib.suppress(queue.Empty):
                while item is not None:
                    recording, piece = item
                    pieces.setdefault(recording, []).append(piece)
                    size += len(piece or b"")
                    if size >= BATCH:
                        break
                    item = self._queue.get_nowait()
            goes_on = item is not None
            for recording, some in pieces.items():
                self._written += recording.write(some)


class Recording:
    """One session's, by the loop; `write` alone is the thread's."""

    def __init__(self, recorder: Recorder, about: dict[str, Any],
                 end_session: Callable[[str], None]) -> None:
        """`about`: see wire.recording.Format. `end_session` gets the reason."""
        text = about["protocol"] == "serial"
        self._form: Format = Asciicast() if text else Capture()
        self._with_input = not text or recorder.plan.with_input
        self._recorder = recorder
        self._opened: asyncio.Future[None] = recorder.loop.create_future()
        self._session_id = about["session_id"]
        self._end_session = end_session
        self._file = File(recorder.names, lambda exc: _call(recorder.loop, self._heard, exc))
        self._began_at = time.monotonic()
        self._taken = 0
        self._written = 0
        self._over = False
        self._put(self._form.head(about))

    async def ready(self) -> None:
        """Where it is required wait for its file. Raises RecordingUnavailable."""
        if not self._recorder.plan.required:
            return
        try:
            async with asyncio.timeout(self._recorder.open_timeout):
                await self._opened
        except TimeoutError:
            raise exception.RecordingUnavailable(
                "the disk for recordings does not answer") from None
        except OSError as exc:
            raise exception.RecordingUnavailable(f"it cannot be recorded: {exc}") from exc

    def ways(self) -> tuple[Way, Way | None]:
        """Towards the client, and towards the target if that is recorded."""
        return (Way(taps=(lambda now, view: self._take(now, True, view),)),
                Way(taps=(lambda now, view: self._take(now, False, view),))
                if self._with_input else None)

    def end(self, reason: str) -> None:
        """The last entry, with why. May be repeated."""
        if not self._over:
            self._over = True
            self._put(self._form.end(time.monotonic() - self._began_at, reason))
            self._recorder.put(self, None)

    def write(self, pieces: list[bytes | None]) -> int:
        """→ bytes that are done with, written or given up. In the recorder's thread."""
        data = b"".join(piece for piece in pieces if piece)
        if data:
            self._file.write(data)
        if pieces[-1] is None:
            self._file.close()
        self._written += len(data)
        return len(data)

    def _take(self, now: float, from_target: bool, view: memoryview) -> None:
        if self._over:
            return
        entry = self._form.entry(now - self._began_at, from_target, bytes(view))
        most = self._recorder.plan.max_size
        if most and self._taken + len(entry) + RESERVE > most:
            self._fail("it has reached record_max_size", "record_max_size")
        elif (self._recorder.waiting > MAX_WAITING
              or self._taken - self._written > MAX_WAITING_EACH):
            self._fail("the disk does not keep up", "disk_too_slow")
        else:
            self._put(entry)
            return
        if self._recorder.plan.required:
            raise EndSession(FAILED)

    def _put(self, data: bytes) -> None:
        if data:
            self._taken += len(data)
            self._recorder.put(self, data)

    def _fail(self, why: str, reason: str) -> None:
        LOG.error("Session %s: the recording %s ends early: %s", self._session_id,
                  self._file.path or "of it", why)
        self.end(reason)

    def _heard(self, exc: OSError | None) -> None:
        """The thread has made the file, or can write no more of it."""
        if exc is None:
            LOG.info("Session %s is recorded in %s", self._session_id, self._file.path)
            if not self._opened.done():
                self._opened.set_result(None)
            return
        if not self._opened.done():
            self._opened.set_exception(exc)
            self._opened.exception()  # nobody need ask
        if not self._over:
            self._fail(str(exc), "disk_failed")
            if self._recorder.plan.required:
                self._end_session(FAILED)


def _call(loop: asyncio.AbstractEventLoop, func: Callable[..., None], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, nobody asks any more
        loop.call_soon_threadsafe(func, *args)
