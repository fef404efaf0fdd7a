"""A few pages for monitoring over HTTP, on a socket of their own, in a thread of their own."""

import errno
import http.server
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from consoles import exception

LOG = logging.getLogger(__name__)

BACKLOG = 16
#: Seconds that a client has for its request.
TIMEOUT = 5
#: Seconds between two looks of the thread whether it is to stop.
POLL = 0.1
#: Seconds without accepting after the process or the system ran out of what that takes.
PAUSE = 0.5
_OUT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

#: → status, media type and body.
Page = Callable[[], tuple[HTTPStatus, str, bytes]]


def bind(host: str, port: int) -> socket.socket:
    """Bind before forking; every worker may then serve it. Raises ConfigError."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=BACKLOG)
    except OSError as exc:
        raise exception.ConfigError(
            f"cannot listen for monitoring on {host} port {port}: {exc.strerror or exc}. Change "
            "metrics_host and metrics_port; each service of a machine needs a port of its own"
        ) from exc


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves `pages`, by their paths, until `stop`; the socket stays open for others."""

    def __init__(self, sock: socket.socket, pages: Mapping[str, Page]) -> None:
        super().__init__(sock.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        sock.setblocking(False)  # another worker may be faster
        self.pages = pages
        self._stopping = threading.Event()
        self._answering: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL,), name="monitor",
                                        daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more; who was accepted still gets an answer, as no other worker has it."""
        self._stopping.set()
        self.shutdown()
        end = time.monotonic() + TIMEOUT
        for thread in list(self._answering):
            thread.join(max(0, end - time.monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread that the process's end does not wait for: a client may be slow for ever."""
        self._answering = {thread for thread in self._answering if thread.is_alive()}
        thread = threading.Thread(target=self.process_request_thread, daemon=True,
                                  args=(request, client_address))
        self._answering.add(thread)
        thread.start()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept. What waits stays readable: without a pause the thread would spin."""
        try:
            return super().get_request()
        except OSError as exc:
            if exc.errno in _OUT_OF:
                LOG.warning("Monitoring takes no connections for %s s: %s. Raise LimitNOFILE of "
                            "this service", PAUSE, exc.strerror)
                self._stopping.wait(PAUSE)
            raise

    def handle_error(self, request: object, client_address: object) -> None:
        """Monitoring's own troubles, such as a connection that breaks, are not ours."""
        LOG.debug("A request of monitoring broke off")


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Listener
    timeout = TIMEOUT
    server_version = "consoles"
    sys_version = ""
    error_message_format = ""  # what was asked is not repeated

    def do_GET(self) -> None:
        status, media_type, body = self._answer()
        self.send_response(status)
        for name, value in (("Content-Type", media_type), ("Content-Length", str(len(body))),
                            ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def _answer(self) -> tuple[HTTPStatus, str, bytes]:
        page = self.server.pages.get(self.path.partition("?")[0])
        try:
            return page() if page else (HTTPStatus.NOT_FOUND, "text/plain", b"")
        except Exception:
            LOG.exception("A page of monitoring failed")
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b""

    def log_message(self, format: str, *args: object) -> None:
        """Once a few seconds, by a machine: not worth a line."""
