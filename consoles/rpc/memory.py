"""kombu's in-process transport, waiting between two looks instead of spinning.

oslo.messaging sets the interval to nought, and then every idle consumer uses up a processor.
"""

from kombu.transport import memory
from kombu.transport import TRANSPORT_ALIASES

#: Seconds between two looks: what a call on the in-process bus takes longer.
INTERVAL = 0.005


class Transport(memory.Transport):
    """Keeps its interval whatever is set."""

    @property
    def polling_interval(self) -> float:
        return INTERVAL

    @polling_interval.setter
    def polling_interval(self, _: float) -> None:
        pass


def register() -> None:
    """Have kombu use it for `memory://`."""
    TRANSPORT_ALIASES["memory"] = f"{__name__}:{Transport.__name__}"
