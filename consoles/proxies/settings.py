"""What a worker is configured with: values, frozen, so that no request can change them."""

import dataclasses

from consoles.proxies.acceptor import Entry
from consoles.proxies.recordings import Plan
from consoles.proxies.static import Site
from consoles.proxies.steps import Means
from consoles.proxies.targets import Targets
from consoles.relay.link import Limits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Times in seconds; see the group [proxy] of the options."""

    entry: Entry
    connect_timeout: float
    touch_interval: float
    max_sessions: int
    max_failed_tokens: int
    allowed_origins: tuple[str, ...]
    base_url: str
    web: Site | None
    limits: Limits
    targets: Targets
    means: Means = Means()
    record: Plan | None = None
