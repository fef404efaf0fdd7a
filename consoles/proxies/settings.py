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
    """Times in seconds; see the group [proxy] of the options. `nova_tokens`: consoleauth asks Nova
    about tokens that look like Nova's, and so has to be told them."""

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
    nova_tokens: bool = False
    record: Plan | None = None
