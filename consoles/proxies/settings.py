"""What a worker is configured with: values, frozen, so that no request can change them."""

import dataclasses
from pathlib import Path

from consoles.relay.link import Limits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Times in seconds; see the group [proxy] of the options."""

    handshake_timeout: float
    connect_timeout: float
    touch_interval: float
    max_opening: int
    allowed_origins: tuple[str, ...]
    base_url: str
    web: Path | None
    limits: Limits
