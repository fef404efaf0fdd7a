"""Events for other services as oslo.messaging's notifications, where an operator wants them.

Off unless `[oslo_messaging_notifications] driver` names one: `messagingv2` is the one to use.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

import oslo_messaging as messaging
from oslo_config import cfg

LOG = logging.getLogger(__name__)

#: Events that wait for the bus; further ones are lost, and counted.
WAITING = 10_000
OFF = {"", "noop"}


class Outbox:
    """Hands events to `send` in a thread of its own, so that a bus that is away holds up nobody.

    The thread starts with the first event, after any fork. `lost` is called for each event that
    found no place to wait, in its thread, and for each that `send` failed with.
    """

    def __init__(self, send: Callable[..., None], lost: Callable[..., None],
                 waiting: int = WAITING) -> None:
        self._send = send
        self._lost = lost
        self._queue: queue.Queue[tuple[Any, ...] | None] = queue.Queue(waiting)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, *event: Any) -> None:
        """Queue an event, the arguments of `send`; returns at once, always."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="notifications", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._lost(*event)

    def close(self, timeout: float) -> bool:
        """Send what waits, for so many seconds. → whether all is sent and the thread has ended."""
        if self._thread is None:
            return True
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return False  # nobody takes them: the thread ends with the process
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._send(*event)
            except Exception as exc:  # kombu's and amqp's own errors have no common base
                LOG.warning("A notification is lost: %s", type(exc).__name__)
                self._lost(*event)


class Notifications:
    """A service's own events; `lost` is called for each that was not sent, see Outbox."""

    def __init__(self, conf: cfg.ConfigOpts, publisher: str, lost: Callable[[], None]) -> None:
        self._outbox: Outbox | None = None
        if set(conf.oslo_messaging_notifications.driver) - OFF:
            self._transport = messaging.get_notification_transport(conf)
            notifier = messaging.Notifier(self._transport, publisher_id=publisher)
            self._outbox = Outbox(lambda *event: notifier.info({}, *event), lambda *_: lost())

    def send(self, event_type: str, payload: dict[str, Any]) -> None:
        """Queue an event; returns at once, always."""
        if self._outbox is not None:
            self._outbox.put(event_type, payload)

    def close(self, timeout: float) -> None:
        """Send what waits, for so many seconds."""
        if self._outbox is not None and self._outbox.close(timeout):
            self._transport.cleanup()
