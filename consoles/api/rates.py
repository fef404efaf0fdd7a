"""How many consoles a user and a project may ask for; each process of the API counts for itself."""

import functools
import math
import time

import limits
from limits import storage
from limits import strategies
from oslo_config import cfg

from consoles import exception

#: The option by what it counts.
OPTIONS = {"user_id": "console_rate_per_user", "project_id": "console_rate_per_project"}


class Rates:
    """Raises ConfigError for an option that is no rate."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._rates = {key: _parsed(option, conf.api[option]) for key, option in OPTIONS.items()}

    @functools.cached_property
    def _window(self) -> strategies.RateLimiter:
        """Made by the first request: it has a thread, and web servers fork before."""
        return strategies.MovingWindowRateLimiter(storage.MemoryStorage())

    def take(self, counted: str, who: str | None) -> None:
        """Count a request of `who` at each rate of `counted`, a key of OPTIONS.

        Raises OverLimit, with the whole seconds after which the next is let through; what is
        refused is not counted.
        """
        key = (counted, who or "")
        full = ([rate for rate in self._rates[counted] if not self._window.test(rate, *key)]
                or [rate for rate in self._rates[counted] if not self._window.hit(rate, *key)])
        if full:
            reset = max(self._window.get_window_stats(rate, *key).reset_time for rate in full)
            raise exception.OverLimit(
                f"more than {' and '.join(map(str, full))} of one {counted}",
                retry_after=max(1, math.floor(reset - time.time()) + 1))


def _parsed(option: str, text: str) -> list[limits.RateLimitItem]:
    try:
        return limits.parse_many(text) if text else []
    except ValueError as exc:
        raise exception.ConfigError(f"[api] {option} = {text}: not rates such as "
                                    "30/minute;500/hour") from exc
