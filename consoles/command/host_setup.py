"""consoles-manage host setup and host remove: a hypervisor with proxies of its own."""

import argparse
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from oslo_config import cfg

from consoles import exception
from consoles.command import handshake
from consoles.command import host_drop_in
from consoles.command import host_units
from consoles.command import qemu_conf
from consoles.command.host_files import Files
from consoles.command.host_units import Units
from consoles.compute import endpoints
from consoles.proxies import catalog

AGENT = "consoles-compute.service"
#: Lets the agent in at libvirt's socket; where there is no such group its unit would not start.
LIBVIRT = f"etc/systemd/system/{AGENT}.d/20-libvirt.conf"
LIBVIRT_GROUP = "[Service]\nSupplementaryGroups=libvirt\n"
PROXIES = {row.command.removeprefix("consoles-").removesuffix("proxy"): row
           for row in catalog.ROWS.values()}


def add_setup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="ENDPOINT",
                        help="where users reach this host's proxies: an address, an interface, or "
                             "a name (of NAT, too)")
    parser.add_argument("--proxies", type=_proxies, metavar="NAME,...",
                        help=f"those that run here: {', '.join(PROXIES)}")
    parser.add_argument("--address", metavar="ADDRESS",
                        help="this host's own for its consoles, no other host's: guests' servers "
                             "listen there, its proxies connect there and nowhere else; what "
                             "*proxyclient_address says if that is one")
    parser.add_argument("--hypervisor", action="store_true",
                        help="show what libvirt's qemu.conf needs, and with --yes change it")
    parser.add_argument("--yes", action="store_true", help="change qemu.conf")
    add_remove_arguments(parser)


def add_remove_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", default="/", metavar="DIRECTORY",
                        help="of an image of a host instead of this host: nothing is started")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def setup(conf: cfg.ConfigOpts, asked: Any) -> int:
    """→ 0, or 1 when something is left to be done by hand, which is said. Raises ConfigError."""
    if not (asked.endpoint or asked.hypervisor) or bool(asked.endpoint) != bool(asked.proxies):
        raise exception.ConfigError("say --endpoint with --proxies, or --hypervisor, or all three")
    files = Files(asked.root, asked.dry_run)
    if asked.dry_run:
        print("Nothing is changed, this is what would be done:")
    problems: list[str] = []
    if asked.endpoint:
        changed = _announce(conf, asked, files)
        if _has_group(conf, files):
            changed |= _write(files, LIBVIRT, host_drop_in.HEAD + LIBVIRT_GROUP)
        else:
            restored, problems = _restore(files, [LIBVIRT])
            changed |= bool(restored)
        problems += host_units.follow(
            Units(asked.root, asked.dry_run), files,
            [AGENT, *(_unit(PROXIES[name]) for name in asked.proxies)], changed)
    if asked.hypervisor:
        problems += _hypervisor(conf, asked, files)
    return _tell(problems)


def remove(asked: Any) -> int:
    """→ 0, or 1 when something is left to be done by hand, which is said. Raises ConfigError."""
    files, units = Files(asked.root, asked.dry_run), Units(asked.root, asked.dry_run)
    if asked.dry_run:
        print("Nothing is changed, this is what would be done:")
    restored, problems = _restore(files)
    problems += host_units.leave(units, files, [AGENT, *map(_unit, PROXIES.values())],
                                 changed=bool(set(restored) - {qemu_conf.PATH}))
    if not (restored or problems):
        print("There is nothing that host setup has changed.")
    _after_qemu(restored)
    return _tell(problems)


def _announce(conf: cfg.ConfigOpts, asked: Any, files: Files) -> bool:
    """The drop-in, → whether it is another one, and the URLs that it leads to."""
    host = endpoints.public_host(asked.endpoint)
    rows = [PROXIES[name] for name in asked.proxies]
    values = host_drop_in.options(conf, rows, asked)
    changed = _write(files, host_drop_in.PATH, host_drop_in.text(values))
    urls = endpoints.endpoints(conf)
    for row in rows:
        url, port = urls[row.console_type.value], conf[row.group][f"{row.prefix}_port"]
        print(f"URL       {row.console_type.value:<12}{url}")
        if _port(url) != port:
            print(f"note      [{row.group}] {row.base_url} leads to port {_port(url)}, the proxy "
                  f"listens on {port}: is there something between?")
    others = [row.group for row in rows if row.group not in host_drop_in.ADDRESSES]
    if "proxy" in values and others:
        print(f"note      [proxy] allowed_targets is this host alone: name the networks of "
              f"{', '.join(others)}, too, in a file behind this one")
    try:
        socket.getaddrinfo(host.strip("[]"), None)
    except OSError:
        print(f"note      {host} is no interface of this host and does not resolve here")
    return changed


def _has_group(conf: cfg.ConfigOpts, files: Files) -> bool:
    """Whether the agent needs libvirt's group, and can have it."""
    if conf.compute.driver != "libvirt":
        return False
    if re.search("^libvirt:", files.read("etc/group") or "", re.M):
        return True
    print("note      there is no group libvirt here: let the user consoles in at libvirt's "
          "socket, or run this again when libvirt is installed")
    return False


def _restore(files: Files, chosen: list[str] | None = None) -> tuple[list[str], list[str]]:
    """→ the paths that are as they were, and what is left to be done by hand."""
    restored, left = files.restore(chosen)
    for path in restored:
        print(f"restored  {files.shown(path)}")
    return restored, [f"{files.shown(path)} was changed by somebody else since and stays as it is"
                      for path in left]


def _write(files: Files, path: str, text: str) -> bool:
    changed = files.write(path, text)
    print(f"{'wrote' if changed else 'unchanged':<9} {files.shown(path)}")
    return changed


def _unit(row: catalog.ProxySpec) -> str:
    return f"{row.command}.service"


def _hypervisor(conf: cfg.ConfigOpts, asked: Any, files: Files) -> list[str]:
    """→ what is left to be done by hand."""
    name = files.shown(qemu_conf.PATH)
    before, original = files.read(qemu_conf.PATH), files.original(qemu_conf.PATH)
    if before is None or original is None:
        return [f"{name} is not there: is libvirt's driver for QEMU installed?"]
    wanted = qemu_conf.wanted(conf)
    after = qemu_conf.edit(original, wanted)  # without what an earlier setup wanted
    if after == before:
        print(f"unchanged {name}")
        return []
    print(qemu_conf.difference(before, after, name))
    directory = qemu_conf.certificates(after)
    missing = [file for file in qemu_conf.NEEDED
               if files.read(f"{directory.lstrip('/')}/{file}") is None]
    if "vnc_tls" in wanted and missing:
        return [f"{directory} has no {', '.join(missing)}: guests would not start with vnc_tls; "
                f"{name} is not changed"]
    if not asked.yes:
        return [f"{name} is not changed: --yes does it"]
    files.write(qemu_conf.PATH, after)
    print(f"wrote     {name}")
    _after_qemu([qemu_conf.PATH])
    return []


def _after_qemu(changed: list[str]) -> None:
    if qemu_conf.PATH in changed:
        print("note      libvirt reads qemu.conf when it starts: systemctl restart virtqemud (or "
              "libvirtd)\nnote      guests that run keep the old values until they are stopped "
              "and started, or migrate")


def _tell(problems: list[str]) -> int:
    for problem in problems:
        print(f"TO DO     {problem}")
    return 1 if problems else 0


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or handshake.PORTS[parts.scheme]


def _proxies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if wrong := [name for name in names if name not in PROXIES]:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: choose from {', '.join(PROXIES)}")
    return list(dict.fromkeys(names))
