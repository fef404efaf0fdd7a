"""What ends a session that neither side ends: silence, standstill, a flood, time.

The relay looks at every session once a second; none of this costs a byte that is carried anything.
"""

import asyncio
import socket

from consoles.relay.link import Limits
from consoles.relay.link import Link
from consoles.relay.sides import WebsocketSide

#: Linux's number of a connection's state (tcp_states.h), the first byte of its TCP_INFO.
TCP_ESTABLISHED = 1
#: Probes of the kernel that stay without an answer before a client counts as gone.
PROBES = 4


class Watch:
    """What the last looks at a session saw; times on the loop's clock, bytes since its start."""

    __slots__ = ("began_at", "heard_at", "input", "input_at", "link", "pinged_at", "taken",
                 "taken_at")

    def __init__(self, link: Link, now: float) -> None:
        self.link = link
        self.began_at = now
        self.heard_at = now
        self.pinged_at = 0.0
        self.input = 0       # payload that the client sent
        self.input_at = now
        self.taken = 0       # what left for the client
        self.taken_at = now

    def look(self, limits: Limits, now: float) -> None:
        """End the session when it has reached a limit; ping a client that is silent."""
        self._notice(now)
        link, client = self.link, self.link.client
        if limits.session_max_time and now - self.began_at >= limits.session_max_time:
            link.end("session_expired", text="The time of this session is over")
        elif limits.session_idle_timeout and now - self.input_at >= limits.session_idle_timeout:
            link.end("idle", text="The console was not used")
        elif limits.stall_timeout and now - self.taken_at >= limits.stall_timeout:
            link.end("client_stalled", text="The client takes nothing")
        elif client.held:  # it may have spoken or ended, we do not listen: its kernel tells
            self._heard(now)
            # A bare stream's end may stand behind input that the target takes its time over.
            patience = 0 if isinstance(client, WebsocketSide) else limits.stall_timeout
            if now - self.input_at > patience and not is_connected(client.transport):
                link.end("client_gone")
        elif isinstance(client, WebsocketSide):
            self._ping(client, limits, now)

    def _notice(self, now: float) -> None:
        client = self.link.client
        self.link.target.forgive()
        if client.carried != self.input:
            self.input = client.carried
            self.input_at = now
        unsent = client.transport.get_write_buffer_size()
        taken = self.link.target.carried - unsent
        if not unsent or taken > self.taken:
            self.taken_at = now
        self.taken = taken

    def _ping(self, client: WebsocketSide, limits: Limits, now: float) -> None:
        client.forgive()
        if client.seen:
            client.seen = False
            self._heard(now)
        elif self.pinged_at:
            if now - self.pinged_at >= limits.ping_timeout:
                self.link.end("client_timeout", text="The client did not answer")
        elif limits.ping_interval and now - self.heard_at >= limits.ping_interval:
            self.pinged_at = now
            client.ping()

    def _heard(self, now: float) -> None:
        self.heard_at = now
        self.pinged_at = 0.0


def is_connected(transport: asyncio.Transport) -> bool:
    """Whether the peer's end is still open, which the kernel knows without our reading."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return not transport.is_closing()
    try:
        state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (OSError, ValueError):  # closed
        return False
    return bool(state[0] == TCP_ESTABLISHED)


def keep_alive(transport: asyncio.Transport, limits: Limits) -> None:
    """Have the kernel ask, too, whether the peer is there: it does so while we do not read."""
    sock = transport.get_extra_info("socket")
    if (not limits.ping_interval or sock is None
            or sock.family not in (socket.AF_INET, socket.AF_INET6)):
        return
    for level, option, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.ping_interval),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, limits.ping_timeout // PROBES)),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)):
        sock.setsockopt(level, option, value)
