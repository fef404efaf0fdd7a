"""The steps of WebMKS. The agent's ticket says which of its three ways this hypervisor takes."""

import logging
import os

from consoles import model
from consoles.proxies.reached import Plain
from consoles.proxies.reached import Reached
from consoles.proxies.reached import Websocket
from consoles.proxies.steps import Means
from consoles.stream.drive import drive
from consoles.stream.drive import Stream
from consoles.stream.passing_tls import PassingTls
from consoles.stream.tls import pinned_context
from consoles.wire import mks
from consoles.wire import websocket
from consoles.wire.mks import Mode
from consoles.wire.ops import StartTls

LOG = logging.getLogger(__name__)


async def reach(target: Plain, details: model.Details, means: Means) -> Reached:
    """Use the ticket up: to the first words of the screen's own stream, which stay unread."""
    ticket = mks.parse(details.internal_access_path)
    tls = StartTls(pinned_context(), details.tls_name or details.host)
    if ticket.mode == Mode.AUTHD:
        await drive(mks.authd(ticket, tls, os.urandom(12)), PassingTls(target))
        return target
    if ticket.mode == Mode.VCENTER:
        LOG.warning("The WebMKS console of instance %s is shown by vCenter (mode %s). This way is "
                    "unverified: it follows a description and has not been tried on a vCenter",
                    details.instance_id, ticket.mode)
    if ticket.mode == Mode.WSS or details.port != mks.PLAIN_PORT:
        mks.check_certificate(await target.perform(tls), ticket.thumbprint)
    await drive(websocket.client(details.host, details.port, mks.path(ticket), os.urandom(16)),
                target)
    reached = Websocket(target)
    await drive(mks.rfb_version() if ticket.mode == Mode.WSS else mks.server_init(), reached)
    return reached


async def greet(viewer: Stream, details: model.Details, means: Means) -> Stream:
    """Be the VNC server towards the viewer, where the hypervisor begins in the middle."""
    if mks.parse(details.internal_access_path).mode != Mode.WSS:
        await drive(mks.viewer(), viewer)
    return viewer
