"""[spice]: SPICE consoles."""

from oslo_config import cfg

from consoles.conf.vnc import UriOrNothing

GROUP = cfg.OptGroup("spice", title="SPICE consoles", help="""
Options of SPICE consoles.

Those of the agent must be set on every hypervisor, those of the proxy where the proxy runs.""")

OPTS = [
    cfg.BoolOpt("enabled", default=False,
                help="""Agent: offer SPICE consoles of this host's instances.

consoles-all-in-one starts the SPICE proxy where it is set."""),
    cfg.HostAddressOpt("server_listen", default="127.0.0.1",
                       help="""Agent: address on which the instances' SPICE servers listen.

Use 0.0.0.0 where instances migrate live: an address of one host does not exist on the other."""),
    cfg.StrOpt("keymap",
               help="""Agent: keyboard layout that the instances' SPICE servers assume.

Unset: none. The names are those of QEMU's layouts."""),
    cfg.BoolOpt("agent_enabled", default=True,
                help="""Agent: instances have a channel for SPICE's agent in the guest.

With an agent the size of the screen follows the window and the clipboard is shared."""),
    cfg.HostAddressOpt("server_proxyclient_address", default="127.0.0.1",
                       help="""Agent: address at which proxies reach this host's SPICE servers.

A management address of this hypervisor on a network that the proxies share. server_listen must
include it: with the default, 127.0.0.1, only a proxy on this host reaches them."""),
    cfg.URIOpt("html5proxy_base_url", default="http://127.0.0.1:6082/spice_auto.html",
               help="""Agent: public URL of the SPICE page, as users' browsers reach it.

The token is added to it. Every hypervisor may name a proxy of its own."""),
    cfg.Opt("spice_direct_proxy_base_url", type=UriOrNothing(),
            default="http://127.0.0.1:13002/nova",
            help="""Agent: public URL of a proxy for native SPICE viewers (type spice-direct).

Such a proxy is not part of consoles. It gets the token in the query. Empty: no such consoles are
offered."""),
    cfg.StrOpt("html5proxy_host", default="0.0.0.0",  # noqa: S104 - it is the public edge
               help="""Proxy: address on which consoles-spicehtml5proxy listens.

The default is every address of IPv4. Behind a balancer or a TLS terminator on the same host,
127.0.0.1 keeps everybody else out."""),
    cfg.PortOpt("html5proxy_port", default=6082,
                help="""Proxy: TCP port on which consoles-spicehtml5proxy listens.

Users reach it under html5proxy_base_url: the port there is this one, unless a balancer stands
between."""),
    cfg.StrOpt("web",
               deprecated_opts=[cfg.DeprecatedOpt("web", group="DEFAULT")],
               help="""Proxy: directory of the pages that consoles-spicehtml5proxy serves.

Unset: the page that comes with consoles. /usr/share/spice-html5, the page of the distribution,
works too, but keeps the token in a cookie: the last console that was opened is then that of every
tab that is reloaded. Nothing outside of the directory is served, and no listings."""),
]
