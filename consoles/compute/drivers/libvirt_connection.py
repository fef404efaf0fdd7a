"""A connection to libvirt that comes back by itself, tells of events, and has calls made beside it.
"""

import concurrent.futures
import contextlib
import functools
import logging
import threading
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import libvirt
import tenacity

from consoles import exception
from consoles.compute.drivers.libvirt_calls import Calls
from consoles.compute.drivers.libvirt_calls import Work
from consoles.compute.drivers.libvirt_opened import close
from consoles.compute.drivers.libvirt_opened import in_thread
from consoles.compute.drivers.libvirt_opened import is_alive
from consoles.compute.drivers.libvirt_opened import open_anew
from consoles.compute.drivers.libvirt_opened import run_events
from consoles.compute.drivers.libvirt_opened import unless_unsupported
from consoles.compute.periodic import Periodic

LOG = logging.getLogger(__name__)

T = TypeVar("T")
#: A domain's UUID, the event and its detail: virDomainEventType and what belongs to it.
Happened = Callable[[str, int, int], None]

#: Seconds for one, within the 1.5 s in which a proxy wants to know why a console ended: also the
#: second time, after its pause and with a look at the port.
CALL_TIMEOUT = 0.8
#: Seconds between two looks at the connection, and the most between two tries to have one.
LOOK_INTERVAL, MAX_PAUSE = 5.0, 10.0
#: Errors that no waiting mends.
HOPELESS = (libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_CONF_SYNTAX,
            libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_CONFIG_UNSUPPORTED)
#: The detail of what is no lifecycle event.
NO_DETAIL = -1
#: What a call is about that asks of all domains.
ALL = ""


class Connection:
    """`connected` is called after each connect, `happened` for each domain event; both in threads
    of libvirt's, so they must not wait."""

    def __init__(self, uri: str, connected: Callable[[], None], happened: Happened) -> None:
        self._uri = uri
        self._connected = connected
        self._happened = happened
        self._connection: Any = None  # it tells of events, and nothing is asked there
        self._calls: Calls | None = None  # beside it, and no longer
        self._connecting = threading.Lock()
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

    def call(self, work: Work[T], about: str = ALL, timeout: float = CALL_TIMEOUT) -> T:
        """What `work` makes of an open connection, of which nothing may be kept; `about`: a
        domain's id.

        Raises AgentUnavailable when there is none or no answer in time, InstanceNotFound for a
        domain that libvirt does not know.
        """
        calls = self._calls
        if calls is None:
            raise exception.AgentUnavailable(f"no connection to libvirt at {self._uri}")
        try:
            return in_thread(functools.partial(calls.run, work, about, timeout)).result(timeout)
        except TimeoutError:
            raise exception.AgentUnavailable(
                f"libvirt at {self._uri} does not answer within {timeout} s") from None
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                raise exception.InstanceNotFound(str(exc)) from None
            raise exception.AgentUnavailable(f"libvirt at {self._uri}: {exc}") from None

    def open(self) -> Any:
        """One more connection, the caller's own. Waits for the daemon; raises libvirtError."""
        return open_anew(self._uri)

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
                in_thread(functools.partial(close, connection))
                raise
            self._calls, self._connection = Calls(self.open), connection
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
        """Use it no more, and have it closed once, with those for calls."""
        with self._dropping:
            calls = self._calls
            if connection is None or connection is not self._connection or calls is None:
                return None
            self._connection = self._calls = None

        def end() -> None:
            calls.close()
            close(connection)
        return in_thread(end)

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
