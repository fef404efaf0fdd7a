"""What is said to a target, or to a client, before bytes flow: from a stream to a stream."""

import dataclasses
import ssl

from consoles import model
from consoles.stream.drive import drive
from consoles.stream.drive import Stream
from consoles.wire import http_connect
from consoles.wire import rfb
from consoles.wire.ops import StartTls
from consoles.wire.rfb import SecurityType


@dataclasses.dataclass(frozen=True)
class Means:
    """What the proxy is configured with for the steps: security types in our order of preference,
    and what VeNCrypt's TLS checks and shows."""

    security_types: tuple[SecurityType, ...] = (SecurityType.NONE,)
    tls: ssl.SSLContext | None = None


async def internal_path(stream: Stream, details: model.Details, means: Means) -> Stream:
    """Where the hypervisor shows the console behind an HTTP CONNECT."""
    if details.internal_access_path:
        await drive(http_connect.client(details.internal_access_path), stream)
    return stream


async def rfb_security(stream: Stream, details: model.Details, means: Means) -> Stream:
    """Be the viewer towards the VM's VNC server, up to its SecurityResult."""
    tls = StartTls(means.tls, details.tls_name or details.host) if means.tls else None
    await drive(rfb.client(means.security_types, tls), stream)
    return stream


async def rfb_greet(stream: Stream, details: model.Details, means: Means) -> Stream:
    """Be the VNC server towards the viewer, up to the SecurityResult, which is the VM's own."""
    await drive(rfb.server(), stream)
    return stream
