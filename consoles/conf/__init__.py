"""Every option of consoles, one file a group, filled into the conf that is handed in."""

from oslo_config import cfg

from consoles.conf import api
from consoles.conf import compute
from consoles.conf import console
from consoles.conf import consoleauth
from consoles.conf import default
from consoles.conf import inventory
from consoles.conf import libvirt
from consoles.conf import mks
from consoles.conf import proxy
from consoles.conf import rdp
from consoles.conf import serial_console
from consoles.conf import spice
from consoles.conf import vnc

GROUPS = (default, api, compute, console, consoleauth, inventory, libvirt, mks, proxy, rdp,
          serial_console, spice, vnc)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Add all groups to `conf`. May be repeated."""
    for module in GROUPS:
        conf.register_opts(module.OPTS, group=_own(module.GROUP))


def _own(group: cfg.OptGroup | None) -> cfg.OptGroup | None:
    """A group of this conf's own: oslo.config keeps overrides in what the group shares."""
    return group and cfg.OptGroup(group.name, title=group.title, help=group.help)


def list_opts() -> list[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """What oslo-config-generator writes into the sample."""
    return [(module.GROUP, list(module.OPTS)) for module in GROUPS]
