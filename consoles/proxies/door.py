"""Who is not let in: counted by a fixed reason each, told seldom, since anybody may cause it."""

import logging
import time
from collections.abc import Callable

LOG = logging.getLogger(__name__)

#: Seconds between two lines of the log about one reason.
TELL_INTERVAL = 60.0

#: The reasons, which are labels of `consoles_refusals_total`, and what an operator reads.
REASONS = {
    "door_full": "[proxy] max_opening connections are in their handshake",
    "address_full": "its address has [proxy] max_handshakes_per_address in their handshake",
    "no_tls": "it begins with TLS, for which there is no certificate (option `cert`)",
    "tls_only": "it begins without TLS, which ssl_only demands",
    "proxy_header": "it comes from a trusted proxy without a right PROXY header",
}


class Door:
    """One per worker. `count` gets each reason."""

    def __init__(self, count: Callable[[str], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._since: dict[str, int] = dict.fromkeys(REASONS, 0)
        self._tell_at: dict[str, float] = {}

    def refuse(self, reason: str, address: str) -> None:
        """A connection of that address is closed for one of REASONS."""
        self._count(reason)
        self._since[reason] += 1
        now = self._clock()
        if now >= self._tell_at.get(reason, now):
            LOG.warning("A connection of %s is closed: %s (%s of them since it was last told)",
                        address, REASONS[reason], self._since[reason])
            self._tell_at[reason] = now + TELL_INTERVAL
            self._since[reason] = 0
