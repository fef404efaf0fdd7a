"""TLS that ends before the connection does, which a loop's TLS cannot.

Records are read one by one, by the lengths that they begin with (RFC 8446, section 5.1), so that
nothing behind the last one is taken for TLS.
"""

import ssl
from collections.abc import Callable
from typing import Any

from consoles.exception import TooLong
from consoles.exception import WireError
from consoles.stream.drive import Stream
from consoles.wire.ops import EndTls
from consoles.wire.ops import Op
from consoles.wire.ops import Read
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

RECORD_HEADER = 5
#: A record's content with what TLS 1.2 may add to it (RFC 5246, section 6.2.3).
MAX_RECORD = 2**14 + 2048
MAX_PLAIN = 2**14


class PassingTls:
    """A stream on `stream`: the first TLS is its own, up to EndTls; all else is `stream`'s."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._plain = b""
        self._tls: ssl.SSLObject | None = None
        self._over = False

    async def perform(self, op: Op) -> Any:
        tls = self._tls
        if isinstance(op, StartTls) and tls is None and not self._over:
            return await self._start(op)
        if tls is None:
            return await self._stream.perform(op)
        match op:
            case ReadUntil(mark, limit):
                return await self._read_until(tls, mark, limit)
            case Write(data):
                tls.write(data)
                return await self._flush()
            case EndTls():
                return self._end(tls)
        raise NotImplementedError(op)

    async def _start(self, op: StartTls) -> bytes | None:
        tls = self._tls = op.context.wrap_bio(self._incoming, self._outgoing,
                                              server_hostname=op.server_name)
        await self._wait_for(tls.do_handshake)
        certificate: bytes | None = tls.getpeercert(binary_form=True)
        return certificate

    async def _read_until(self, tls: ssl.SSLObject, mark: bytes, limit: int) -> bytes:
        while (at := self._plain.find(mark, 0, limit)) < 0:
            if len(self._plain) >= limit:
                raise TooLong(f"no end of the line within {limit} bytes")
            piece = await self._wait_for(lambda: tls.read(MAX_PLAIN))
            if not piece:
                raise WireError("the peer ended TLS")
            self._plain += piece
        end = at + len(mark)
        head, self._plain = self._plain[:end], self._plain[end:]
        return head

    def _end(self, tls: ssl.SSLObject) -> None:
        if self._plain or tls.pending() or self._incoming.pending:
            raise WireError("bytes where TLS ends")
        self._tls = None
        self._over = True

    async def _wait_for(self, act: Callable[[], Any]) -> Any:
        """→ what `act` returns, which may need records of the peer's first."""
        while True:
            try:
                answer = act()
            except ssl.SSLWantReadError:
                await self._flush()
                self._incoming.write(await self._record())
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as exc:
                raise WireError(f"TLS: {exc}") from exc
            else:
                await self._flush()
                return answer

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._stream.perform(Write(self._outgoing.read()))

    async def _record(self) -> bytes:
        header: bytes = await self._stream.perform(Read(RECORD_HEADER))
        size = int.from_bytes(header[3:])
        if size > MAX_RECORD:
            raise WireError("TLS: no record")
        body: bytes = await self._stream.perform(Read(size))
        return header + body
