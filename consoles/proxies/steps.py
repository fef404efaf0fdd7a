"""What is said to a target, or to a client, before bytes flow: from a stream to a stream."""

from consoles import model
from consoles.stream.drive import drive
from consoles.stream.drive import Stream
from consoles.wire import http_connect
from consoles.wire import rfb


async def internal_path(stream: Stream, details: model.Details) -> Stream:
    """Where the hypervisor shows the console behind an HTTP CONNECT."""
    if details.internal_access_path:
        await drive(http_connect.client(details.internal_access_path), stream)
    return stream


async def rfb_security(stream: Stream, details: model.Details) -> Stream:
    """Be the viewer towards the VM's VNC server, up to its SecurityResult."""
    await drive(rfb.client(), stream)
    return stream


async def rfb_greet(stream: Stream, details: model.Details) -> Stream:
    """Be the VNC server towards the viewer, up to the SecurityResult, which is the VM's own."""
    await drive(rfb.server(), stream)
    return stream
