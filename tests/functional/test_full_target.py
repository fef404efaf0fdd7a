"""A target that stops reading while its console is opened: its fault, and told as such."""

import dataclasses
import threading

from consoles import exception
from consoles.proxies import catalog
from tests.fixtures import targets

#: More than the kernel takes of a connection that nobody reads.
MUCH = 64 << 20


async def pour(target, details, means):
    """A step of an opening that says more than the target takes."""
    target.connection.write(bytes(MUCH))
    return target


def test_a_target_that_takes_nothing_is_the_targets_fault(make_proxy, consoleauth):
    over = threading.Event()
    target = targets.Target(targets.rfb_server(lambda sock: over.wait(30)))
    consoleauth.add("t", target.port)
    spec = catalog.NOVNC
    proxy = make_proxy(spec=dataclasses.replace(spec, to_target=(*spec.to_target, pour)))
    ws = proxy.connect("t", origin=proxy.own_origin)
    for words in (b"RFB 003.008\n", b"\x01"):
        ws.recv_message()
        ws.send(words)
    assert ws.until_closed() == (4502, exception.TargetProtocolError.public)
    assert proxy.tally()["reason"] == "target_protocol"
    over.set()
    target.close()
