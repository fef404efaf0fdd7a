"""What the configuration makes of an instance's console, and which live ones contradict it."""

import dataclasses
import socket
from collections.abc import Iterable
from collections.abc import Iterator

from oslo_config import cfg

#: Any port that the system gives.
ANY_PORT = range(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveConsole:
    """A console server as a running instance has it, whatever the configuration says by now.

    `group` is the option group that shapes it, `vnc` or `spice`. None is for what is not known, ""
    for no keymap.
    """

    instance_id: str
    group: str
    listen: str
    port: int | None = None
    keymap: str | None = None
    agent: bool | None = None


def ports(conf: cfg.ConfigOpts) -> range:
    """Where VNC servers may listen."""
    first = conf.vnc.vnc_port
    return range(first, min(first + conf.vnc.vnc_port_total, 65536)) if first else ANY_PORT


def contradictions(conf: cfg.ConfigOpts, live: Iterable[LiveConsole]) -> list[dict[str, str]]:
    """→ [{instance_id, text}]; an instance may be in it more than once. Asks the resolver where
    an address is a name."""
    return [{"instance_id": console.instance_id, "text": text}
            for console in live for text in _differences(conf, console)]


def _differences(conf: cfg.ConfigOpts, live: LiveConsole) -> Iterator[str]:
    group, options = live.group, conf[live.group]
    if not _addresses(live.listen) & _addresses(options.server_listen):
        yield f"listens on {live.listen}, [{group}] server_listen = {options.server_listen}"
    allowed = ports(conf)
    if group == "vnc" and live.port and allowed != ANY_PORT and live.port not in allowed:
        yield (f"listens on port {live.port}, [vnc] vnc_port = {options.vnc_port} and "
               f"vnc_port_total = {options.vnc_port_total}")
    if live.keymap not in (None, options.keymap or ""):
        yield (f"has keymap {live.keymap or 'none'}, [{group}] keymap = "
               f"{options.keymap or '(unset)'}")
    if group == "spice" and live.agent not in (None, options.agent_enabled):
        yield (f"has {'an' if live.agent else 'no'} agent's channel, [spice] agent_enabled = "
               f"{options.agent_enabled}")


def _addresses(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return {host}
