"""VeNCrypt 0.2, RFB's security type 19, as a client: TLS with certificates and nothing inside.

Written down by the RFB protocol's community (rfbproto, "VeNCrypt"). What is not written there:
the server answers the subtype with a byte of its own, and there 1 means yes.
"""

from consoles.exception import WireError
from consoles.wire.ops import Handshake
from consoles.wire.ops import Peek
from consoles.wire.ops import Read
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

VERSION = b"\0\2"
#: Certificates, and no password behind them. The anonymous subtypes can be intercepted.
X509_NONE = 260


def client(tls: StartTls) -> Handshake:
    """From the server's version to TLS; done when the server has said something inside of it.

    With TLS 1.3 a server refuses our certificate only after the handshake is done for us. What
    it says first, SecurityResult, is left unread.
    """
    version = yield Read(2)
    if version != VERSION:
        raise WireError(f"the server speaks VeNCrypt {version[0]}.{version[1]}, not 0.2")
    yield Write(VERSION)
    if (yield Read(1)) != b"\0":
        raise WireError("the server refuses VeNCrypt 0.2")
    (count,) = yield Read(1)
    data = yield Read(4 * count)
    offered = [int.from_bytes(data[at:at + 4], "big") for at in range(0, len(data), 4)]
    if X509_NONE not in offered:
        raise WireError(f"the server offers VeNCrypt subtypes {offered}, accepted is {X509_NONE}")
    yield Write(X509_NONE.to_bytes(4, "big"))
    if (yield Read(1)) != b"\1":
        raise WireError("the server refuses VeNCrypt's subtype X509None")
    yield tls
    yield Peek(1)
