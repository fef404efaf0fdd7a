"""consoles-api's web server; the one module that imports eventlet.

Connections are green threads, so that a slow client costs next to nothing; the application runs
in eventlet's pool of native threads, where it may block. Nothing is monkey patched. A request
reaches the application when all of it is here, and leaves it as a whole.
"""

import contextlib
import io
import json
import socket
import threading
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import eventlet
from eventlet import greenio
from eventlet import hubs
from eventlet import tpool
from eventlet import wsgi
from eventlet.support import greenlets

from consoles import exception
from consoles.api import faults

#: Seconds for a client to send a request, from its first byte (or the answer before) to the last.
REQUEST_TIMEOUT = 30.0
#: Seconds that `stop` gives to requests under way: more than their calls on the bus can take.
STOP_TIMEOUT = 12.0
CONNECTIONS = 800
#: Of a body that is too big, read and dropped, so that the client gets to see the answer.
LINGER = 1024 * 1024
PIECE = 16 * 1024

Answer = tuple[str, list[tuple[str, str]], bytes]


class Server:
    """`bind`, then `run` in any thread until `stop`. One runs at a time in a process.

    That bound is eventlet's, whose pool belongs to the process and to one thread's loop.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], host: str, port: int,
                 threads: int, max_body: int = 65536) -> None:
        self._application = application
        self._address = (host, port)
        self._threads = threads
        self._max_body = max_body
        self._listener: socket.socket | None = None
        self._woken, self._wake = socket.socketpair()
        self._loop_thread: int | None = None

    def bind(self) -> None:
        """Listen; connections wait from now on. Raises ConfigError."""
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family, backlog=128)
        except OSError as exc:
            reason = str(exc.strerror or exc).partition(" (")[0]  # the rest repeats the address
            raise exception.ConfigError(
                f"Cannot listen on {host} port {port}: {reason}. Stop the other "
                "service that has this port, or choose another by [api] host and port.") from exc

    @property
    def port(self) -> int:
        """The port that is listened on, when 0 was asked for too."""
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve in this thread until `stop`; requests under way are finished."""
        assert self._listener is not None
        self._loop_thread = threading.get_ident()
        tpool.set_num_threads(self._threads)
        serving = eventlet.spawn(
            wsgi.server, greenio.GreenSocket(self._listener), self._serve, protocol=Protocol,
            max_size=CONNECTIONS, socket_timeout=REQUEST_TIMEOUT, log_output=False, debug=False)
        serving.link(lambda _: self.stop())
        hubs.trampoline(self._woken, read=True)
        self._listener.shutdown(socket.SHUT_RDWR)  # refuses connections from here on
        serving.kill()
        try:
            with eventlet.Timeout(STOP_TIMEOUT, False), contextlib.suppress(greenlets.GreenletExit):
                serving.wait()
        finally:
            tpool.killall()

    def stop(self) -> None:
        """End `run`. May be called from any thread, repeatedly."""
        with contextlib.suppress(OSError):
            self._wake.send(b"s")

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """The WSGI application that eventlet sees, in a connection's green thread."""
        request: Protocol = environ["consoles.request"]
        try:
            self._receive(environ, request)
        except TimeoutError:
            status, headers, body = _refusal(408)
        except (OSError, ValueError):
            status, headers, body = _refusal(400)
        else:
            request.deadline.cancel()
            status, headers, body = self._in_pool(environ)
            start_response(status, headers)
            return [body]
        request.close_connection = True
        start_response(status, headers)
        return [body]

    def _receive(self, environ: dict[str, Any], request: "Protocol") -> None:
        """Read the body into memory. One that is too big the application refuses by its size."""
        if environ.pop("HTTP_TRANSFER_ENCODING", "chunked").lower() != "chunked":
            raise ValueError("a coding that is not understood hides where the request ends")
        declared = int(environ.get("CONTENT_LENGTH") or 0)
        stream = environ["wsgi.input"]
        body = stream.read(self._max_body + 1)
        if len(body) > self._max_body:
            request.close_connection = True
            for _ in range(LINGER // PIECE):
                if not stream.read(PIECE):
                    break
        elif len(body) < declared:
            raise ValueError("the body ends before its Content-Length")
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(max(declared, len(body)))

    def _in_pool(self, environ: dict[str, Any]) -> Answer:
        while True:
            answer: Answer | None = tpool.execute(self._call, environ)
            if answer is not None:
                return answer
            eventlet.sleep(0.001)

    def _call(self, environ: dict[str, Any]) -> Answer | None:
        """Run the application, in a native thread.

        While any thread imports something eventlet would call this in the loop's own thread and
        block every connection; then None asks for another try.
        """
        if threading.get_ident() == self._loop_thread:
            return None
        head: list[Any] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]],
                           exc_info: Any = None) -> Callable[[bytes], None]:
            head[:] = [status, headers]
            return written.append

        result = self._application(environ, start_response)
        try:
            written.extend(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        return head[0], head[1], b"".join(written)


class Protocol(wsgi.HttpProtocol):
    """One connection: eventlet's, with a deadline for each request as a whole."""

    error_content_type = "application/json"
    error_message_format = json.dumps(
        {"badRequest": {"code": "%(code)d", "message": "%(explain)s"}}).replace(
            '"%(code)d"', "%(code)d")
    deadline: eventlet.Timeout

    def handle_one_request(self) -> None:
        # eventlet's own timeout begins anew with every byte that a client drips.
        self.deadline = eventlet.Timeout(REQUEST_TIMEOUT, TimeoutError("request not sent in time"))
        try:
            super().handle_one_request()
        finally:
            self.deadline.cancel()

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "consoles.request": self}


def _refusal(status: int) -> Answer:
    body = json.dumps(faults.body(status)).encode()
    phrase = {400: "400 Bad Request", 408: "408 Request Timeout"}[status]
    return phrase, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body
