"""consoles-consoleauth put together: three endpoints, one database, one janitor."""

import dataclasses
from http import HTTPStatus

from oslo_config import cfg

from consoles import exception
from consoles.consoleauth.closing import Closer
from consoles.consoleauth.health import Health
from consoles.consoleauth.inventory import InventoryEndpoint
from consoles.consoleauth.janitor import Janitor
from consoles.consoleauth.locator import Locator
from consoles.consoleauth.manager import ConsoleAuthManager
from consoles.consoleauth.metrics import MEDIA_TYPE
from consoles.consoleauth.metrics import Metrics
from consoles.consoleauth.nova_tokens import NovaTokens
from consoles.consoleauth.sessions import SessionsEndpoint
from consoles.db import engine
from consoles.db import migration
from consoles.monitor import listener
from consoles.monitor.listener import Listener
from consoles.rpc import timed
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import Interface
from consoles.rpc.inventory import Inventory
from consoles.rpc.proxies import Proxies
from consoles.rpc.sessions import Sessions
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller

#: Seconds that an agent has to answer: less than half of what the proxy's own call may take.
AGENT_TIMEOUT = 2.0
#: As many as oslo.messaging's executor has by default, so that no handler waits for another's.
THREADS = 64


@dataclasses.dataclass(frozen=True)
class Service:
    """What a process or a test serves; `stop` after its servers have stopped."""

    endpoints: dict[Interface, object]
    database: engine.Database
    janitor: Janitor
    closer: Closer
    metrics: Metrics
    health: Health
    listener: Listener | None
    nova: NovaTokens | None

    def start(self) -> None:
        self.janitor.start()
        if self.listener:
            self.health.start()
            self.listener.start()

    def stop(self) -> None:
        if self.listener:
            self.listener.stop()
        self.health.stop()
        self.janitor.stop()
        self.closer.stop()
        if self.nova:
            self.nova.stop()
        self.database.close()


def build(conf: cfg.ConfigOpts, bus: Bus) -> Service:
    """Raises ConfigError when times contradict each other, when the database is not there or
    not of this release, when the login at Nova is needed and not set, and when the port for
    monitoring is taken."""
    _check_times(conf)
    database = engine.connect(conf)
    migration.check(database.engine)
    metrics = Metrics()
    agents = timed.threads(
        ThreadCaller(bus, timeout=AGENT_TIMEOUT,
                     per_server=conf.consoleauth.max_checks_per_host, threads=THREADS),
        metrics.called)
    locator = Locator(database, Compute(agents))
    closer = Closer(Proxies(timed.threads(ThreadCaller(bus), metrics.called)))
    nova = NovaTokens(conf, database) if conf.consoleauth.backend == "nova" else None
    endpoints: dict[Interface, object] = {
        ConsoleAuth.interface: ConsoleAuthManager(conf, database, locator, closer, nova),
        Sessions.interface: SessionsEndpoint(conf, database, closer),
        Inventory.interface: InventoryEndpoint(conf, database, closer),
    }
    janitor = Janitor(conf, database, metrics.round)
    health = Health(bus.works, database, janitor, metrics.stored)
    return Service({interface: timed.Endpoint(endpoint, interface, metrics.served)
                    for interface, endpoint in endpoints.items()},
                   database, janitor, closer, metrics, health,
                   _listener(conf, metrics, health), nova)


def _listener(conf: cfg.ConfigOpts, metrics: Metrics, health: Health) -> Listener | None:
    section = conf.consoleauth
    if not section.metrics_port:
        return None
    return Listener(listener.bind(section.metrics_host, section.metrics_port), {
        "/healthcheck": health.page,
        "/metrics": lambda: (HTTPStatus.OK, MEDIA_TYPE, metrics.page())})


def _check_times(conf: cfg.ConfigOpts) -> None:
    touch, idle = conf.proxy.touch_interval, conf.consoleauth.idle_timeout
    if touch * 2 >= idle:
        raise exception.ConfigError(
            f"[proxy] touch_interval ({touch}) must be less than half of [consoleauth] "
            f"idle_timeout ({idle}): consoles in use would count as idle.")
