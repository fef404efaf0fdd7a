"""What the options of a hypervisor with proxies of its own are: /etc/consoles/consoles.conf.d/."""

import configparser
import glob
import io
import ipaddress
import os
import pathlib
from typing import Any

from oslo_config import cfg

from consoles import conf as consoles_conf
from consoles import exception
from consoles.conf.base_urls import BASE_URLS
from consoles.proxies import catalog

#: Read by every service, behind and so instead of what consoles.conf says.
PATH = "etc/consoles/consoles.conf.d/50-host.conf"
HEAD = ("# Written by consoles-manage host setup: do not edit it, setup writes it anew and\n"
        "# consoles-manage host remove takes it away.\n\n")
#: Where a group has the address of the consoles themselves, the one that proxies use last.
ADDRESSES = {"vnc": ("server_listen", "server_proxyclient_address"),
             "spice": ("server_listen", "server_proxyclient_address"),
             "serial_console": ("proxyclient_address",)}
SHARED = ("127.0.0.1", "::1")


def options(conf: cfg.ConfigOpts, rows: list[catalog.ProxySpec],
            asked: Any) -> dict[str, dict[str, str]]:
    """→ {group: {option: value}} of a host with these proxies, which `conf` then has, too.

    Raises ConfigError.
    """
    found = {"compute": {"public_endpoint": asked.endpoint}, **_offered(rows)}
    groups = [group for group in ADDRESSES if found[group]["enabled"] == "true"]
    if groups:
        address = _own_address(conf, groups, asked.address)
        found["proxy"] = {"allowed_targets": address}
        for group in groups:
            found[group] |= dict.fromkeys(ADDRESSES[group], address)
    below = _without_drop_in(conf)
    for row in rows:
        url = below[row.group][row.base_url]
        if not url:
            raise exception.ConfigError(f"[{row.group}] {row.base_url} is empty: say there how "
                                        f"users reach {row.command}")
        conf.set_override(row.base_url, url, row.group)
    for group, values in found.items():
        for option, value in values.items():
            conf.set_override(option, [value] if option == "allowed_targets" else value, group)
    return found


def text(values: dict[str, dict[str, str]]) -> str:
    parser = configparser.RawConfigParser()
    parser.read_dict(values)
    written = io.StringIO(HEAD)
    written.seek(0, os.SEEK_END)
    parser.write(written)
    return written.getvalue()


def _offered(rows: list[catalog.ProxySpec]) -> dict[str, dict[str, str]]:
    """The types of these proxies and no others: their URLs would lead to this host, too, where
    nobody listens."""
    groups = {row.group for row in rows}
    urls = {(row.group, row.base_url) for row in rows}
    found: dict[str, dict[str, str]] = {}
    for group, option in BASE_URLS.values():
        values = found.setdefault(group, {"enabled": "true" if group in groups else "false"})
        if group in groups and (group, option) not in urls:
            values[option] = ""
    return found


def _without_drop_in(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """What an earlier setup has left out may be chosen now."""
    paths = [*conf.config_file, *(path for directory in conf.config_dir
                                  for path in sorted(glob.glob(f"{directory}/*.conf")))]
    found = cfg.ConfigOpts()
    consoles_conf.register_opts(found)
    found([], default_config_dirs=[], default_config_files=[
        path for path in paths if not path.endswith(pathlib.PurePath(PATH).name)])
    return found


def _own_address(conf: cfg.ConfigOpts, groups: list[str], asked: str | None) -> str:
    """Any proxy takes any token: what two hosts call 127.0.0.1 would be another guest's console.

    Raises ConfigError.
    """
    found = {asked} if asked else {conf[group][ADDRESSES[group][-1]] for group in groups}
    address = found.pop()
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        ip = None
    if found or ip is None or ip.is_unspecified or address in SHARED:
        raise exception.ConfigError(
            "say with --address which address of this host, and of no other one, its consoles "
            f"have; {asked or ', '.join(sorted({address, *found}))} is none that tells hosts apart")
    return address
