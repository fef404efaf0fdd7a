"""[compute]: the agent on a hypervisor."""

from oslo_config import cfg

GROUP = cfg.OptGroup("compute", title="Compute agent", help="Options of consoles-compute.")

OPTS = [
    cfg.StrOpt(
        "driver", default="stub",
        help="""Which driver tells where consoles are.

A name in the entry point namespace `consoles.compute.drivers`; `stub` reads its instances from
stub_instances, `libvirt` asks libvirt ([libvirt], needs the extra `consoles[libvirt]`), `nova` asks
Nova's API ([nova], needs the extra `consoles[nova]`)."""),
    cfg.HostAddressOpt(
        "host",
        help="Name of this hypervisor on the bus and in the inventory; [DEFAULT] host when unset."),
    cfg.StrOpt(
        "public_endpoint",
        help="""Where users reach the proxies of this host: an address, an interface, or a name.

Where every hypervisor runs proxies of its own, this takes the place of the host in every
`*_base_url`; schemes, ports and paths stay. Of an interface it is the first address, IPv4 before
IPv6, as it is at the start; behind NAT, write the name or the address outside. Unset: the URLs are
taken as they stand."""),
    cfg.IntOpt(
        "reap_interval", default=60, min=1,
        help="""Seconds between two looks for idle connection details.

The agent releases what the hypervisor holds for them (sessions, tickets, streams) and has them
deleted. See [consoleauth] idle_timeout."""),
    cfg.StrOpt(
        "stub_instances",
        help="""Path of the YAML file with the instances of the driver `stub`.

It is read again when it changes. Unset: a few built-in guests."""),
    cfg.ListOpt(
        "nova_hosts", default=[],
        help="""Nova's names of the hosts whose instances the driver `nova` tells of.

They are what `openstack compute service list` shows. Unset: the one host that is named as this
agent is. `*`: all hosts, so that one agent stands for the whole cloud, up to 10,000 instances."""),
]
