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

_Event = tuple[str, dict[str, Any]]


class Notifications:
    """Sends in a thread of its own, so that a bus that is away holds up nobody.

    `lost` is called, in the sender's thread, for each event that found no place to wait.
    """

    def __init__(self, conf: cfg.ConfigOpts, publisher: str, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._queue: queue.Queue[_Event | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        if set(conf.oslo_messaging_notifications.driver) - OFF:
            self._transport = messaging.get_notification_transport(conf)
            self._notifier = messaging.Notifier(self._transport, publisher_id=publisher)
            self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
            self._thread.start()

    def send(self, event_type: str, payload: dict[str, Any]) -> None:
        """Queue an event; returns at once, always."""
        if self._thread is not None:
            try:
                self._queue.put_nowait((event_type, payload))
            except queue.Full:
                self._lost()

    def close(self, timeout: float) -> None:
        """Send what waits, for so many seconds."""
        if self._thread is None:
            return
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return  # nobody takes them: the thread ends with the process
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._transport.cleanup()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._notifier.info({}, *event)
            except Exception as exc:  # kombu's and amqp's own errors have no common base
                LOG.warning("A notification is lost: %s", type(exc).__name__)
                self._lost()
