"""libvirt's connections as such: what opens, asks and closes one, and the threads that wait for it.

libvirt's calls block, some for as long as the daemon likes. Each runs in a thread of its own, so
that a daemon that hangs costs its caller a deadline and never holds the end of the process up.
"""

import concurrent.futures
import contextlib
import functools
import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import libvirt

LOG = logging.getLogger(__name__)

T = TypeVar("T")

#: A daemon that says nothing for so many seconds so many times is given up.
KEEPALIVE, KEEPALIVE_COUNT = 3, 3


def open_anew(uri: str) -> Any:
    """Waits for the daemon. Raises libvirtError."""
    connection = libvirt.open(uri)
    with unless_unsupported():  # by libvirt's drivers that live in this process
        connection.setKeepAlive(KEEPALIVE, KEEPALIVE_COUNT)
    return connection


def in_thread(work: Callable[[], T]) -> "concurrent.futures.Future[T]":
    """Have it done by a thread that nobody needs to wait for.

    What it held when it failed is freed there: the last one to let go of a connection closes it.
    """
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except BaseException as exc:
            traceback.clear_frames(exc.__traceback__)
            future.set_exception(exc)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="libvirt-call", daemon=True).start()
    return future


@functools.cache
def run_events() -> None:
    """Start libvirt's event loop: one for the whole process, for as long as that lives."""
    libvirt.registerErrorHandler(lambda opaque, error: None, None)  # else it prints
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, name="libvirt-events", daemon=True).start()


def _run_events() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except Exception:
            LOG.exception("libvirt's event loop failed, it goes on")


def is_alive(connection: Any) -> bool:
    """As far as is known here: nobody is asked."""
    with contextlib.suppress(libvirt.libvirtError):
        return bool(connection.isAlive())
    return False


def close(connection: Any) -> None:
    """Callbacks that stay registered would keep it open."""
    with contextlib.suppress(libvirt.libvirtError):
        connection.unregisterCloseCallback()
    for callback in list(getattr(connection, "domainEventCallbackID", ())):  # from the first one on
        with contextlib.suppress(libvirt.libvirtError):  # the daemon may be gone
            connection.domainEventDeregisterAny(callback)
    with contextlib.suppress(libvirt.libvirtError):
        connection.close()


@contextlib.contextmanager
def unless_unsupported() -> Any:
    try:
        yield
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
