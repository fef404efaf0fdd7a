"""A connection to libvirt that comes back by itself, and calls on it that nobody waits for in vain.

libvirt's calls block, some for as long as the daemon likes. Each runs in a thread of its own, so
that a daemon that hangs costs its caller a deadline and never holds the end of the process up. One
call is under way at a time: where several threads waited on a connection that ended, libvirt up to
10.3 used memory after it was freed (CVE-2024-4418), and crashed here.
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
import tenacity

from consoles import exception
from consoles.compute.periodic import Periodic

LOG = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Any], T]
#: A domain's UUID, the event and its detail: virDomainEventType and what belongs to it.
Happened = Callable[[str, int, int], None]

#: Seconds for one, within the 1.5 s in which a proxy wants to know why a console ended: also the
#: second time, after its pause and with a look at the port.
CALL_TIMEOUT = 0.8
#: A daemon that says nothing for so many seconds so many times is given up.
KEEPALIVE, KEEPALIVE_COUNT = 3, 3
#: Seconds between two looks at the connection, and the most between two tries to have one.
LOOK_INTERVAL, MAX_PAUSE = 5.0, 10.0
#: Errors that no waiting mends.
HOPELESS = (libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_CONF_SYNTAX,
            libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
GONE = libvirt.VIR_ERR_NO_DOMAIN
#: The detail of what is no lifecycle event.
NO_DETAIL = -1


class Connection:
    """`connected` is called after each connect, `happened` for each domain event; both in threads
    of libvirt's, so they must not wait."""

    def __init__(self, uri: str, connected: Callable[[], None], happened: Happened) -> None:
        self._uri = uri
        self._connected = connected
        self._happened = happened
        self._connection: Any = None
        self._connecting = threading.Lock()
        self._turn = threading.Lock()
        self._dropping = threading.Lock()
        self._silent = False  # it is known that there is no connection
        self._keeper = Periodic("libvirt", LOOK_INTERVAL, self._look)
        self._retrying = tenacity.Retrying(
            wait=tenacity.wait_random_exponential(multiplier=0.25, max=MAX_PAUSE),
            stop=tenacity.stop_when_event_set(self._keeper.stopped),
            sleep=tenacity.sleep_using_event(self._keeper.stopped),
            retry=tenacity.retry_if_exception_type(libvirt.libvirtError),
            retry_error_callback=lambda state: None)

    def start(self) -> None:
        """Connect, or go on trying where the daemon is not there. Raises ConfigError."""
        run_events()
        try:
            in_thread(self._connect).result(CALL_TIMEOUT)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() in HOPELESS:
                raise exception.ConfigError(
                    f"[libvirt] connection_uri = {self._uri}: {exc}") from None
            self._log_absence(exc)
        except TimeoutError:
            self._log_absence("no answer yet")
        self._keeper.start()

    def stop(self) -> None:
        """Within a second."""
        self._keeper.stop()
        closing = self._drop(self._connection)
        if closing is not None:
            with contextlib.suppress(Exception):
                closing.result(0.5)
        self._keeper.join(0.4)

    def call(self, work: Work[T], timeout: float = CALL_TIMEOUT) -> T:
        """What `work` makes of the open connection.

        Raises AgentUnavailable when there is none or no answer in time, InstanceNotFound for a
        domain that libvirt does not know.
        """
        try:
            return in_thread(functools.partial(self._in_turn, work, timeout)).result(timeout)
        except TimeoutError:
            raise exception.AgentUnavailable(
                f"libvirt at {self._uri} does not answer within {timeout} s") from None
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == GONE:
                raise exception.InstanceNotFound(str(exc)) from None
            raise exception.AgentUnavailable(f"libvirt at {self._uri}: {exc}") from None

    def open(self) -> Any:
        """One more connection, the caller's own. Waits for the daemon; raises libvirtError."""
        connection = libvirt.open(self._uri)
        with unless_unsupported():  # by libvirt's drivers that live in this process
            connection.setKeepAlive(KEEPALIVE, KEEPALIVE_COUNT)
        return connection

    def _in_turn(self, work: Work[T], timeout: float) -> T:
        if not self._turn.acquire(timeout=timeout):
            raise exception.AgentUnavailable(f"libvirt at {self._uri} still owes an answer")
        try:
            connection = self._connection
            if connection is None:
                raise exception.AgentUnavailable(f"no connection to libvirt at {self._uri}")
            return work(connection)
        finally:
            self._turn.release()

    def _look(self) -> None:
        connection = self._connection
        if connection is None or not is_alive(connection):
            self._drop(connection)
            self._retrying(self._try)

    def _try(self) -> None:
        try:
            self._connect()
        except libvirt.libvirtError as exc:
            self._log_absence(exc)
            raise

    def _connect(self) -> None:
        with self._connecting:
            if self._connection is not None:  # the first try came to its end after all
                return
            connection = self.open()
            try:
                self._listen(connection)
            except libvirt.libvirtError:
                in_thread(functools.partial(_close, connection))
                raise
            self._connection = connection
        self._silent = False
        LOG.info("Connected to libvirt at %s", self._uri)
        self._connected()

    def _listen(self, connection: Any) -> None:
        with unless_unsupported():
            connection.registerCloseCallback(self._lost, None)
        for event, told in ((libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
                            (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self._metadata)):
            connection.domainEventRegisterAny(None, event, told, None)

    def _drop(self, connection: Any) -> "concurrent.futures.Future[None] | None":
        """Use it no more, and have it closed once: after the call that is under way on it."""
        with self._dropping:
            if connection is None or connection is not self._connection:
                return None
            self._connection = None

        def close() -> None:
            with self._turn:
                _close(connection)
        return in_thread(close)

    def _log_absence(self, why: object) -> None:
        if not self._silent:
            LOG.warning("No connection to libvirt at %s, it is tried again: %s", self._uri, why)
        self._silent = True

    def _lost(self, connection: Any, reason: int, opaque: None) -> None:
        LOG.warning("The connection to libvirt at %s is lost", self._uri)
        self._drop(connection)
        self._keeper.poke()

    def _lifecycle(self, connection: Any, domain: Any, event: int, detail: int,
                   opaque: None) -> None:
        self._happened(domain.UUIDString(), event, detail)

    def _metadata(self, connection: Any, domain: Any, kind: int, uri: str, opaque: None) -> None:
        self._happened(domain.UUIDString(), libvirt.VIR_DOMAIN_EVENT_DEFINED, NO_DETAIL)


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


def _close(connection: Any) -> None:
    """Callbacks that stay registered would keep it open."""
    with contextlib.suppress(libvirt.libvirtError):
        connection.unregisterCloseCallback()
    for callback in list(connection.domainEventCallbackID):
        with contextlib.suppress(libvirt.libvirtError):  # the daemon may be gone
            connection.domainEventDeregisterAny(callback)
    connection.close()


@contextlib.contextmanager
def unless_unsupported() -> Any:
    try:
        yield
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
