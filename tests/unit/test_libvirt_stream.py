"""Who closes what a console stream holds: closing waits for the daemon, so it is not the loop."""

import asyncio
import functools
import threading
import weakref

import libvirt
import pytest

from consoles.compute.drivers.libvirt_stream import StreamEnd
from tests.fixtures.processes import wait_for


class Held:
    """A connection, its domain and its stream in one. As libvirt's own, it is closed when nobody
    has it any more."""

    def __init__(self, daemon):
        self._daemon = daemon
        weakref.finalize(self, daemon.note)

    def __getattr__(self, name):
        return functools.partial(self._do, name)

    def _do(self, name, *_):
        if name == self._daemon.fails:
            raise libvirt.libvirtError(name)
        if name == self._daemon.waits:
            self._daemon.answers.wait(30)
        return self


class Daemon:
    """Fails at one call, or waits there until it `answers`."""

    def __init__(self, fails="", waits=""):
        self.fails = fails
        self.waits = waits
        self.answers = threading.Event()
        self._closed_in = []
        self.open = functools.partial(Held, self)

    def note(self):
        self._closed_in.append(threading.current_thread())

    def closed_elsewhere(self):
        """Whether another thread closes what was opened, while this one keeps all that it has."""
        wait_for(lambda: self._closed_in)
        return self._closed_in[0] is not threading.current_thread()


@pytest.mark.parametrize("fails", ["newStream", "lookupByUUIDString", "openConsole",
                                   "eventAddCallback"])
def test_what_cannot_be_opened_is_closed_by_who_tried(fails):
    async def serve(daemon):
        try:
            await StreamEnd.open(daemon, "a", "")
        except OSError:
            return daemon.closed_elsewhere()
    assert asyncio.run(serve(Daemon(fails)))


def test_a_stream_is_closed_while_somebody_still_knows_it():
    async def serve(daemon):
        end = await StreamEnd.open(daemon, "a", "")
        end.close()
        daemon.answers.set()
        assert daemon.closed_elsewhere()
        end._lose()  # libvirt told of it too late
    asyncio.run(serve(Daemon(waits="close")))


def test_a_stream_that_comes_too_late_is_closed():
    async def serve(daemon):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await StreamEnd.open(daemon, "a", "")
        daemon.answers.set()
        assert daemon.closed_elsewhere()
    asyncio.run(serve(Daemon(waits="openConsole")))
