"""Nova's tokens: what Nova says of one is kept as connection details, like those of our own."""

import concurrent.futures
import logging
import uuid

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.conf.base_urls import BASE_URLS
from consoles.db import connections
from consoles.db.engine import Database
from consoles.nova import connection
from consoles.nova.client import Nova
from consoles.nova.client import Place

LOG = logging.getLogger(__name__)

#: Seconds for an answer, in all: with the agent's it is less than a proxy waits.
TIMEOUT = 2.5


class NovaTokens:
    """Asks about a token each time that it is used, so that what Nova forgets is good no more.

    The login at Nova is renewed behind questions that took too long, for those that come after.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database) -> None:
        """Raises ConfigError; Nova itself may be away."""
        self._nova = Nova(connection.connect(conf, TIMEOUT))
        self._database = database
        self._ttl = conf.consoleauth.token_ttl
        self._base_urls = {kind.value: conf[group][option]
                           for kind, (group, option) in BASE_URLS.items()}
        # As with an agent that hangs, no more threads wait than these.
        self._pool = concurrent.futures.ThreadPoolExecutor(
            conf.consoleauth.max_checks_per_host, "nova")

    def learn(self, token: str, console_type: str) -> Place | None:
        """Keep what a token leads to, for the claim that follows; None when Nova has no such token.

        Nova does not say which type it is of: it becomes the one that it is first used with.
        Raises NovaUnavailable, InstanceNotReady, BadRequest.
        """
        asked = self._pool.submit(self._nova.lookup, token)
        try:
            place = asked.result(TIMEOUT)
        except concurrent.futures.TimeoutError:
            asked.cancel()
            raise exception.NovaUnavailable(f"no answer within {TIMEOUT} s") from None
        if place is None:
            return None
        if place.port <= 0:
            raise exception.InstanceNotReady(f"{place.instance_id} has no console now")
        base = self._base_urls.get(console_type)
        if not base:
            raise exception.BadRequest(f"no URL is known of the type {console_type}")
        self._database.write(connections.keep, {
            "id": str(uuid.uuid4()), "token_hash": model.token_hash(token),
            "instance_id": place.instance_id, "console_type": console_type, "host": place.host,
            "port": place.port, "tls_port": place.tls_port, "access_url_base": base,
            "options": {}}, self._ttl)
        return place

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
