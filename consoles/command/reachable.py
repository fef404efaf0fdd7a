"""Whether the proxies that agents announce can be reached from here."""

import functools
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from typing import NamedTuple
from urllib.parse import urlsplit

from consoles.command import advice
from consoles.command import handshake
from consoles.conf.base_urls import BASE_URLS
from consoles.model import ConsoleType
from consoles.proxies import catalog

#: Seconds for each; asked so many at a time.
TIMEOUT = 5.0
THREADS = 16
ROWS = {row.console_type: row for row in catalog.ROWS.values()}


class Proxy(NamedTuple):
    """What the agents of `hosts` announce for a type: they may share one."""

    kind: ConsoleType
    base_url: str
    hosts: tuple[str, ...]


def announced(hosts: list[dict[str, Any]]) -> list[Proxy]:
    """By the hosts that are up; other programs' proxies are left out."""
    found: dict[tuple[ConsoleType, str], list[str]] = {}
    for host in hosts:
        for kind in ROWS:
            if host["up"] and kind.value in host["endpoints"]:
                found.setdefault((kind, host["endpoints"][kind.value]), []).append(host["name"])
    return [Proxy(kind, url, tuple(names)) for (kind, url), names in found.items()]


def check(hosts: list[dict[str, Any]],
          tls: ssl.SSLContext | None = None) -> Iterator[tuple[bool, str]]:
    """→ whether it answers, and how, for each proxy; `tls` trusts others than the system does."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(functools.partial(_check, tls), announced(hosts))


def _check(tls: ssl.SSLContext | None, proxy: Proxy) -> tuple[bool, str]:
    parts = urlsplit(proxy.base_url)
    more = f" and {len(proxy.hosts) - 1} more" if len(proxy.hosts) > 1 else ""
    name = f"{proxy.kind} of {proxy.hosts[0]}{more}: {parts.scheme}://{parts.netloc}"
    group, option = BASE_URLS[proxy.kind]
    known = {"host": proxy.hosts[0], "option": f"[{group}] {option}",
             "command": ROWS[proxy.kind].command}
    try:
        health = _health(proxy.base_url, tls)
    except (OSError, handshake.NoProxy) as exc:
        verdict = advice.judge("proxy", exc, known)
        return False, f"{name}: {verdict.text}. {verdict.advice}"
    return health != 503, f"{name} " + ("is not ready: see its log" if health == 503 else "answers")


def _health(url: str, tls: ssl.SSLContext | None) -> int:
    """→ the HTTP status of its health; a balancer may know no such path, but it answers."""
    secure = urlsplit(url).scheme in ("https", "wss")
    connection = handshake.reach(
        url, tls or ssl.create_default_context() if secure else None, TIMEOUT)
    try:
        handshake.get_page(connection, "/healthcheck")
        return 200
    except handshake.Refusal as exc:
        return exc.code
    finally:
        connection.close()
