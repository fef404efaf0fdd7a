"""What `consoles-manage status` looks at: contradictions, the bus, consoleauth, hosts, proxies."""

import dataclasses
import enum
import ipaddress
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from oslo_config import cfg

from consoles import exception
from consoles.command import output
from consoles.command import reachable
from consoles.context import RequestContext
from consoles.rpc.compute import Compute
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions
from consoles.rpc.transport import ThreadCaller

MAX_SESSIONS = 1000
#: Agents asked at a time.
AGENTS = 16


class Level(enum.IntEnum):
    """The worst one is the command's exit status."""

    OK = 0
    WARNING = 1
    BROKEN = 2


@dataclasses.dataclass(frozen=True)
class Finding:
    level: Level
    subject: str
    text: str


def check(conf: cfg.ConfigOpts, caller: ThreadCaller, context: RequestContext,
          tls: ssl.SSLContext | None = None) -> list[Finding]:
    """Everything, the bus's silence included; raises nothing of ours.

    `tls` trusts proxies' certificates that the system does not.
    """
    found = list(contradictions(conf))
    findings = found or [Finding(Level.OK, "configuration", "nothing contradicts")]
    try:
        began = time.monotonic()
        hosts = Inventory(caller).list_hosts(context)
        answered = (time.monotonic() - began) * 1000
        findings.append(Finding(Level.OK, "consoleauth", f"answers in {answered:.0f} ms"))
        findings += _hosts(hosts, novas=conf.consoleauth.backend == "nova")
        findings += [Finding(Level.OK if well else Level.WARNING, "proxy", text)
                     for well, text in reachable.check(hosts, tls)]
        findings += _domains(hosts, Compute(caller), context)
        findings += _sessions(Sessions(caller), context)
    except exception.BusUnavailable:
        findings.append(Finding(
            Level.BROKEN, "bus", "no broker answers: check [DEFAULT] transport_url and RabbitMQ"))
    except exception.ConsolesError as exc:
        findings.append(Finding(
            Level.BROKEN, "consoleauth",
            f"{exc}: is consoles-consoleauth running, with this transport_url?"))
    return findings


def contradictions(conf: cfg.ConfigOpts) -> Iterator[Finding]:
    """What stands in the file and cannot be meant, or works against itself."""
    auth, inventory, proxy = conf.consoleauth, conf.inventory, conf.proxy
    if proxy.touch_interval * 2 >= auth.idle_timeout:
        yield _broken(f"[proxy] touch_interval ({proxy.touch_interval}) must be less than half of "
                      f"[consoleauth] idle_timeout ({auth.idle_timeout}): consoles in use would "
                      "count as idle")
    if inventory.service_down_time <= inventory.report_interval:
        yield _broken(f"[inventory] service_down_time ({inventory.service_down_time}) must be "
                      f"more than report_interval ({inventory.report_interval}): hosts that are "
                      "up would count as down")
    elif inventory.service_down_time < 2 * inventory.report_interval:
        yield _warning("[inventory] service_down_time is less than twice report_interval: one "
                       "report that is late makes a host look down")
    if auth.token_ttl > auth.idle_timeout:
        yield _warning("[consoleauth] token_ttl is longer than idle_timeout: URLs that nobody "
                       "opened may stop working before they expire")
    if conf.api.auth_strategy == "noauth" and not _loopback(conf.api.host):
        yield _broken(f"[api] auth_strategy=noauth on {conf.api.host}: anybody may open any "
                      "console")
    yield from _bus(conf)


def _bus(conf: cfg.ConfigOpts) -> Iterator[Finding]:
    if conf.transport_url.startswith("kombu+memory"):
        yield _broken("transport_url=kombu+memory reaches no other process")
    rabbit = conf.oslo_messaging_rabbit
    if not (rabbit.amqp_auto_delete or rabbit.rabbit_quorum_queue):
        yield _warning("[oslo_messaging_rabbit] amqp_auto_delete is off: calls to a service that "
                       "died wait for their deadline")


def _hosts(hosts: list[dict], novas: bool = False) -> Iterator[Finding]:
    if not hosts:
        missing = (": nobody checks whether consoles are still where Nova's tokens lead"
                   if novas else "")
        yield Finding(Level.WARNING, "hosts", f"no consoles-compute has reported yet{missing}")
    for host in hosts:
        text = (f"{host['name']}: {host['instances']} instances, reported "
                f"{output.age(host['age'])} ago, {', '.join(host['consoles']) or 'no consoles'}")
        if host["up"]:
            yield Finding(Level.OK, "host", text)
        else:
            yield Finding(Level.WARNING, "host", f"{text}, DOWN: is consoles-compute running?")


def _domains(hosts: list[dict], compute: Compute, context: RequestContext) -> list[Finding]:
    """Instances whose consoles were started by another configuration than their agent's."""
    names = [host["name"] for host in hosts if host["up"]]
    with ThreadPoolExecutor(AGENTS) as pool:
        answers = pool.map(lambda name: _agent(name, compute, context), names)
        return [finding for answer in answers for finding in answer]


def _agent(host: str, compute: Compute, context: RequestContext) -> list[Finding]:
    try:
        found = compute.at(host).status(context)["contradictions"]
    except exception.ConsolesError as exc:
        return [Finding(Level.WARNING, "agent", f"{host}: {exc}")]
    return [Finding(Level.WARNING, "instance",
                    f"{one['instance_id']} on {host}: {one['text']}; restarted, it follows")
            for one in found]


def _sessions(sessions: Sessions, context: RequestContext) -> Iterator[Finding]:
    for state in ("live", "opening"):
        count = len(sessions.list(context, {"state": state}, limit=MAX_SESSIONS))
        more = " or more" if count == MAX_SESSIONS else ""
        yield Finding(Level.OK, "sessions", f"{count}{more} {state}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _broken(text: str) -> Finding:
    return Finding(Level.BROKEN, "configuration", text)


def _warning(text: str) -> Finding:
    return Finding(Level.WARNING, "configuration", text)
